// Environment variables by name; what is empty counts as not set.

import Glibc

/// The process's environment.
public enum Environment {
  /// The value of a variable; nil when it is not set or empty.
  public static subscript(name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The path of a program that was installed beside the Python of the tests; nil when it is not.
  public static func besidePython(_ name: String) -> String? {
    guard let python = self["ROOST_TEST_PYTHON"], let end = python.lastIndex(of: "/") else {
      return nil
    }
    let path = "\(python[..<end])/\(name)"
    return access(path, X_OK) == 0 ? path : nil
  }
}
