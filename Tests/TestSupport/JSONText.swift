// Values out of the server's texts that a test cannot know beforehand: ids, epochs, times.

import RoostJSON

/// Looks into JSON texts.
public enum JSONText {
  /// A string's content or a number's digits at a path of keys; nil when it is not there.
  public static func value(_ path: String..., of text: String) -> String? {
    var tree: JSONTree?
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: Array(text.utf8), depthMax: 64, bytesMax: 64 << 20)
    } catch {
      return nil
    }
    for key in path { tree = tree?[key] }
    switch tree {
    case .string(let content, _): return content
    case .number(let digits, _): return digits
    case .bool(let value, _): return String(value)
    default: return nil
    }
  }

  /// The strings' contents and numbers' digits that the nodes of `GET /v1/nodes` have at a key.
  public static func nodes(_ text: String, _ key: String) -> [String] {
    let tree = try? JSONTree(parsing: Array(text.utf8), depthMax: 64, bytesMax: 64 << 20)
    return (tree?["nodes"]?.elements ?? []).compactMap { node in
      switch node[key] {
      case .string(let content, _): content
      case .number(let digits, _): digits
      default: nil
      }
    }
  }

  /// The elements of an array at a key, each as its `data` member's number; for sequences.
  public static func numbers(_ key: String, _ member: String, of text: String) -> [Int64] {
    do {
      let tree = try JSONTree(parsing: Array(text.utf8), depthMax: 64, bytesMax: 64 << 20)
      return tree[key]?.elements?.compactMap { $0[member]?.integer } ?? []
    } catch {
      return []
    }
  }
}
