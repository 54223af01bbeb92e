// How a command runs that takes minutes and that somebody watches: mistakes first, then signals, which
// end it, and a line that tells where it stands.

import Glibc
import RoostEventLoop
import Soak

enum WatchedRun {
  /// Reads what was asked for and does it; the exit status is `run`'s, or 2 when it cannot be done.
  ///
  /// - Parameters:
  ///   - command: the command's name, for what is written about mistakes.
  ///   - read: reads arguments and flags.
  ///   - run: does it. It is given whether somebody wants it to end, and the line, which it ends itself
  ///     before it writes anything else.
  static func carryOut<Request>(
    _ command: String, reading read: () throws(CommandMistake) -> Request,
    _ run: (Request, @escaping () -> Bool, ProgressLine) throws(SoakFailure) -> Int32
  ) -> Int32 {
    func refuse(_ sentence: String) -> Int32 {
      Output.writeError("roost \(command): \(sentence)\n")
      return 2
    }
    let request: Request
    do throws(CommandMistake) {
      request = try read()
    } catch {
      return refuse(error.sentence)
    }
    let signals: Signals
    do throws(Errno) {
      // Before any thread exists, so that every thread leaves them to this one.
      signals = try Signals([SIGTERM, SIGINT, SIGHUP])
    } catch {
      return refuse("signals cannot be read: \(error)")
    }
    let line = ProgressLine()
    do throws(SoakFailure) {
      return try run(request, { signals.next(within: .zero) != nil }, line)
    } catch {
      line.end()
      return refuse(error.sentence)
    }
  }
}
