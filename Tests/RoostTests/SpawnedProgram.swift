// Runs the built executable, as a person or a script would.

import Glibc
import Testing

/// What a run of the executable came to.
struct SpawnedProgram: Equatable {
  let status: Int32
  let output: String
  let errors: String

  /// Runs `roost` with arguments and an environment of its own, to its end.
  ///
  /// - Parameter input: what it reads, at most 64 KiB, which a pipe holds.
  static func run(
    _ arguments: [String], environment: [String] = [], input text: String = ""
  ) throws -> SpawnedProgram {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    var errors: [Int32] = [0, 0]
    let arePiped = pipe(&input) == 0 && pipe(&output) == 0 && pipe(&errors) == 0
    try #require(arePiped)
    // Runs go on side by side: an end that another run inherited would keep this one waiting.
    for descriptor in input + output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    let bytes = Array(text.utf8)
    let written = write(input[1], bytes, bytes.count)
    close(input[1])
    defer { close(input[0]) }
    try #require(written == bytes.count)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2)

    let path = try executable()
    var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
    defer { (argumentPointers + environmentPointers).forEach { free($0) } }
    argumentPointers.append(nil)
    environmentPointers.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(
      &process, path, &actions, nil, argumentPointers, environmentPointers)
    close(output[1])
    close(errors[1])
    try #require(failure == 0, "posix_spawn \(path): \(failure)")
    // Errors are short enough for the pipe, so the streams may be read one after the other.
    let outputText = readAll(output[0])
    let errorText = readAll(errors[0])
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    try #require(status & 0x7F == 0, "ended by signal \(status & 0x7F)")
    return SpawnedProgram(status: status >> 8 & 0xFF, output: outputText, errors: errorText)
  }

  /// The executable stands beside the test bundle.
  private static func executable() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    try #require(count > 0)
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let directory = own[..<(own.lastIndex(of: "/") ?? own.endIndex)]
    return directory + "/roost"
  }

  private static func readAll(_ descriptor: Int32) -> String {
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}
