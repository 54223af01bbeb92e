// The objects for Kubernetes: held against its schemas, and against what a node does.

import Gateway
import Glibc
import TestSupport
import Testing

@Suite struct KubernetesTests {
  private static let folder = "\(Checkout.root)/deploy/kubernetes"
  private static let overlays = ["trial", "production"]
  private static let validates = Environment.besidePython("kubernetes-validate") != nil
  private static let kubectl = access("/usr/bin/kubectl", X_OK) == 0 ? "/usr/bin/kubectl" : nil

  /// An overlay as kustomize renders it.
  private static func rendered(_ overlay: String) throws -> String {
    let process = try Subprocess(
      try #require(kubectl), ["kustomize", "\(folder)/overlays/\(overlay)"])
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    return process.output
  }

  @Test(.enabled(if: validates, Tool.isMissing))
  func `every object is what Kubernetes takes, rendered or not`() throws {
    let temporary = try TemporaryFolder()
    let files =
      Self.kubectl == nil
      ? [] : try Self.overlays.map { try temporary.write("\($0).yaml", Self.rendered($0)) }
    let process = try Subprocess(
      try #require(Environment["ROOST_TEST_PYTHON"]),
      ["\(Checkout.root)/Tests/Interop/kubernetes.py", Self.folder] + files)
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    let valid = process.output.split(separator: "\n").count { $0.hasSuffix(" is valid") }
    #expect(valid >= 10 + files.count * 8, "\(process.outputs)")
  }

  @Test(arguments: ["base"] + overlays.map { "overlays/\($0)" })
  func `every configuration is one that a node takes`(folder: String) throws {
    let process = try Subprocess(
      try Checkout.program(), ["check-config", "\(Self.folder)/\(folder)/node.json"])
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
  }

  @Test func `a node has longer to end than its drain takes`() throws {
    let text = try Checkout.text("deploy/kubernetes/base/deployment.yaml")
    #expect(text.contains("exec: {command: [sleep, \"3\"]}"))
    #expect(text.contains("terminationGracePeriodSeconds: 75\n"))
    #expect(Duration.seconds(75 - 3) >= Configuration().drain.hardStop + .seconds(10))
    // Readiness is known within the time for which a draining node still accepts.
    #expect(text.contains("httpGet: {path: /readyz, port: admin}\n            periodSeconds: 1\n"))
    #expect(Configuration().drain.lbGrace >= .seconds(2))
  }

  @Test(.enabled(if: kubectl != nil, Tool.isMissing))
  func `kustomize leaves the name of the others alone, and the number of nodes to the autoscaler`()
    throws
  {
    let text = try Self.rendered("production")
    #expect(text.contains("        matchLabels:\n          k8s-app: kube-dns\n"))
    #expect(!text.contains("\n  replicas:"))
    #expect(text.contains("\n          name: roost-"))
    #expect(text.contains("image: registry.example.com/roost:0.1.0\n"))
    #expect(try Self.rendered("trial").contains("\n  replicas: 2\n"))
  }
}
