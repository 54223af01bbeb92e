// `roost bench`: reads names and flags, runs the workloads, shows where it stands, writes tables
// and the file.

import Gateway
import Glibc
import RoostEventLoop
import Soak

enum BenchCommand {
  /// What was asked for.
  struct Request: Equatable {
    var options: BenchOptions
    var savePath: String?
    var earlier: BenchResult?
  }

  static func run(_ invocation: Invocation) -> Int32 {
    WatchedRun.carryOut("bench") { () throws(CommandMistake) in
      try request(invocation)
    } _: { (request, isInterrupted, line) throws(SoakFailure) in
      if !BuildInformation.isRelease {
        Output.writeError("roost bench: this is a debug build, whose figures say nothing\n")
      }
      let run = try BenchRun(request.options, isInterrupted: isInterrupted, show: line.show)
      let result = try run.run()
      line.end()
      return try tell(result, request)
    }
  }

  /// Writes tables and file.
  private static func tell(
    _ result: BenchResult, _ request: Request
  ) throws(SoakFailure) -> Int32 {
    Output.write(result.summary)
    if let earlier = request.earlier {
      Output.write(BenchComparison(result, against: earlier).text)
    }
    guard result.isValid else { return 1 }
    guard let path = request.savePath else { return 0 }
    try result.save(to: path)
    Output.write("\nsaved: \(path)\n")
    return 0
  }

  // MARK: Options

  static func request(_ invocation: Invocation) throws(CommandMistake) -> Request {
    var seconds = 5.0
    if let text = invocation.value(of: "--seconds") {
      guard let number = Double(text), BenchOptions.secondsRange.contains(number) else {
        throw CommandMistake("--seconds takes 0.1 to 600, not \(text)")
      }
      seconds = number
    }
    var connections: Int?
    if let text = invocation.value(of: "--connections") {
      guard let number = Int(text), BenchWorkload.connectionsRange.contains(number) else {
        let range = BenchWorkload.connectionsRange
        throw CommandMistake(
          "--connections takes \(range.lowerBound) to \(range.upperBound), not \(text)")
      }
      connections = number
    }
    let workloads: [BenchWorkload]
    do throws(BenchProblem) {
      workloads = try BenchWorkload.read(invocation.arguments, connections: connections)
    } catch {
      throw CommandMistake(error.sentence)
    }
    var request = Request(
      options: BenchOptions(
        workloads: workloads, seconds: seconds, program: ProcessEnvironment.program,
        build: BenchBuild(
          version: BuildInformation.version, isRelease: BuildInformation.isRelease)))
    if let path = invocation.value(of: "--save") {
      // Better now than behind minutes of measuring.
      guard canBeWritten(path) else {
        throw CommandMistake("\(path) cannot be written: \(Errno(code: errno))")
      }
      request.savePath = path
    }
    if let path = invocation.value(of: "--against") { request.earlier = try earlier(path) }
    return request
  }

  private static func canBeWritten(_ path: String) -> Bool {
    if access(path, F_OK) == 0 { return access(path, W_OK) == 0 }
    let end = path.lastIndex(of: "/")
    let folder = end.map { path[...$0] } ?? "."
    return access(String(folder), W_OK) == 0
  }

  private static func earlier(_ path: String) throws(CommandMistake) -> BenchResult {
    guard let bytes = Machine.bytes(of: path, bytesMax: BenchResult.fileBytesMax) else {
      guard access(path, R_OK) == 0 else {
        throw CommandMistake("\(path) cannot be read: \(Errno(code: errno))")
      }
      throw CommandMistake("\(path) is no file that roost bench --save has written")
    }
    do throws(BenchProblem) {
      return try BenchResult(parsing: bytes)
    } catch {
      throw CommandMistake("\(path): \(error.sentence)")
    }
  }
}
