// The node's certificates: read from their files, checked, given to each thread that accepts. Files are
// looked at again on request; what cannot be used is refused as a whole, and the old ones stay.

import RoostCrypto
import RoostEventLoop
import Synchronization
import Telemetry

/// The certificates of a node that speaks TLS.
///
/// Any thread.
final class Certificates: Sendable {
  /// How long a secret for tickets is used when nothing changes: it opens the sessions of TLS 1.2
  /// that were resumed with it.
  static let secretLifetime = Duration.seconds(12 * 3600)

  /// Contents that were taken, and such that could not be used.
  let reloads = SharedCounter()
  let failedReloads = SharedCounter()
  private let log: Log
  private let current: Lock<TLSMaterial>
  private let looked: Lock<Looked>
  private let editionCell = Atomic<UInt64>(1)

  private struct Looked {
    var configuration: Configuration.TLS
    var stamps: [FileStamp?]
    var secretMadeAt: MonotonicInstant
  }

  /// Reads the files.
  init(_ configuration: Configuration.TLS, log: Log) throws(TLSFailure) {
    self.log = log
    // The stamps first: what changes while it is read is read again.
    looked = Lock(
      Looked(
        configuration: configuration, stamps: configuration.files.map { FileStamp(of: $0) },
        secretMadeAt: MonotonicInstant.now()))
    current = Lock(try configuration.material())
  }

  /// Grows with each new content.
  var edition: UInt64 { editionCell.load(ordering: .acquiring) }

  /// What contexts are made of.
  var material: TLSMaterial { current.withLock { $0 } }

  /// When the first of the certificates ends, in seconds since 1970.
  var expiresAt: Int { current.withLock { $0.expiresAt } }

  /// Looks at the files and takes them when they have changed, or in any case.
  ///
  /// One thread at a time; blocks while files are read. A failure is logged once for each change.
  func renew(evenUnchanged: Bool) {
    let last = looked.withLock { $0 }
    let isOld = MonotonicInstant.now().since(last.secretMadeAt) >= Self.secretLifetime
    let stamps = last.configuration.files.map { FileStamp(of: $0) }
    guard evenUnchanged || isOld || stamps != last.stamps else { return }
    _ = renew(last.configuration)
  }

  /// Takes what a configuration names, its files and its rules for clients; why not, if that cannot
  /// be used: then everything stays as it was.
  ///
  /// One thread at a time; blocks while files are read.
  func renew(_ configuration: Configuration.TLS) -> TLSFailure? {
    let stamps = configuration.files.map { FileStamp(of: $0) }
    do throws(TLSFailure) {
      let material = try configuration.material()
      current.withLock { $0 = material }
      looked.withLock {
        $0 = Looked(
          configuration: configuration, stamps: stamps, secretMadeAt: MonotonicInstant.now())
      }
      editionCell.add(1, ordering: .releasing)
      reloads.add()
      log.info(
        "tls_reloaded", "new connections get the certificates as they are in the files now",
        [.init("certificates", configuration.certificates.count)])
      return nil
    } catch {
      // What is wrong in the files that are in use is told once, and again when they have changed.
      looked.withLock { last in
        guard last.configuration == configuration else { return }
        last.stamps = stamps
        last.secretMadeAt = MonotonicInstant.now()
      }
      failedReloads.add()
      log.error(
        "tls_reload_failed", "the certificates of before stay in use: \(error)")
      return error
    }
  }
}

/// Makes the TLS of connections for one thread.
///
/// Owner: the thread that accepts.
public struct TLSDoor {
  private let certificates: Certificates
  private let log: Log
  private var context: TLSContext?
  private var edition: UInt64 = 0

  init(_ certificates: Certificates, log: Log) {
    self.certificates = certificates
    self.log = log
  }

  /// TLS for a new connection, with the newest certificates; nil when there is no memory for it.
  public mutating func transport() -> TLSTransport? {
    let newest = certificates.edition
    if newest != edition {
      edition = newest
      do throws(TLSFailure) {
        context = try TLSContext.server(certificates.material)
      } catch {
        // It was checked when it was read, so that only memory can be missing.
        log.error("tls_context_failed", "the certificates of before stay in use: \(error)")
      }
    }
    return context.map { TLSTransport($0) }
  }
}

extension Node {
  /// Whether certificates are in use that may change.
  public var hasCertificates: Bool { shared.certificates != nil }

  /// Looks at the files of the certificates and takes them when they have changed, or in any case;
  /// connections that are there keep theirs.
  ///
  /// One thread at a time; blocks while files are read.
  public func renewCertificates(evenUnchanged: Bool) {
    shared.certificates?.renew(evenUnchanged: evenUnchanged)
  }

  /// TLS for the admin port; nil when it speaks plain HTTP.
  public func adminDoor() -> TLSDoor? {
    guard shared.configuration.tls.admin else { return nil }
    return shared.certificates.map { TLSDoor($0, log: shared.log) }
  }
}
