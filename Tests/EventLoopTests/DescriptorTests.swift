import Glibc
import RoostEventLoop
import Testing

struct DescriptorTests {
  /// In processes of their own: in this one another test may take the number in between.
  @Test func `a descriptor is closed with its owner and not before`() async {
    await #expect(processExitsWith: .success) {
      let number = dup(0)
      do {
        let owner = Descriptor(taking: number)
        #expect(owner.number == number)
        #expect(fcntl(number, F_GETFD) >= 0)
      }
      #expect(fcntl(number, F_GETFD) == -1)
    }
  }

  @Test func `a relinquished descriptor stays open`() async {
    await #expect(processExitsWith: .success) {
      let owner = Descriptor(taking: dup(0))
      let number = owner.relinquish()
      #expect(fcntl(number, F_GETFD) >= 0)
    }
  }

  @Test func `what another closed already traps`() async {
    await #expect(processExitsWith: .failure) {
      let owner = Descriptor(taking: dup(0))
      close(owner.number)
    }
  }

  @Test func `a negative number is no descriptor`() async {
    await #expect(processExitsWith: .failure) { _ = Descriptor(taking: -1) }
  }
}
