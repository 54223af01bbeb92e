import Glibc
import RoostEventLoop
import Testing

struct ErrnoTests {
  @Test func `the text names the error and its number`() {
    #expect(Errno(code: ENOENT).description == "No such file or directory (errno 2)")
    #expect(Errno(code: 4_000).description == "Unknown error 4000 (errno 4000)")
  }

  @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
  func `lack of descriptors or memory is a shortage`(code: Int32) {
    #expect(Errno(code: code).isResourceShortage)
    #expect(!Errno(code: code).isAddressInUse)
  }

  @Test(arguments: [0, EAGAIN, ECONNRESET, EPIPE, ENOENT, EACCES])
  func `other errors are none`(code: Int32) {
    #expect(!Errno(code: code).isResourceShortage)
    #expect(!Errno(code: code).isAddressInUse)
  }

  @Test func `a taken address is told apart`() {
    #expect(Errno(code: EADDRINUSE).isAddressInUse)
    #expect(!Errno(code: EADDRINUSE).isResourceShortage)
  }
}
