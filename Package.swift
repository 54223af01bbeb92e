// swift-tools-version: 6.2
// Roost: a clustered WebSocket gateway. No third-party package: the toolchain's own modules and
// Debian's C libraries only. Targets may import downwards, in the order in which they stand here;
// TidyTests compares every import with the table in its own source.
//
// The targets that the client library reaches carry the prefix `Roost`, because SwiftPM refuses two
// packages with a target of one name in one build; their directories do not.

import PackageDescription

/// What every target of the project is compiled with.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Pure targets hold no unsafe code that is not marked as such.
let pure = settings + [.strictMemorySafety()]

/// A program that shows how something is done.
func example(_ name: String) -> Target {
  .executableTarget(
    name: "\(name)Example", dependencies: ["RoostClient"], path: "Sources/Examples/\(name)",
    swiftSettings: settings)
}

/// A test target of one target or of what is named.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
    swiftSettings: settings)
}

let package = Package(
  name: "roost",
  products: [
    .executable(name: "roost", targets: ["roost"]),
    .library(name: "Client", targets: ["RoostClient"]),
  ],
  dependencies: [],
  targets: [
    // C libraries, each behind one door.
    .systemLibrary(name: "RoostCLinux", path: "Sources/CLinux"),
    .systemLibrary(name: "RoostCOpenSSL", path: "Sources/COpenSSL"),
    .systemLibrary(name: "RoostCZlib", path: "Sources/CZlib"),
    .systemLibrary(name: "RoostCHiredis", path: "Sources/CHiredis"),
    .systemLibrary(name: "RoostCCurl", path: "Sources/CCurl"),

    // Doors to C, and what needs nothing.
    .target(
      name: "RoostCrypto", dependencies: ["RoostCOpenSSL"], path: "Sources/Crypto",
      swiftSettings: settings),
    .target(
      name: "RoostDeflate", dependencies: ["RoostCZlib"], path: "Sources/Deflate",
      swiftSettings: settings),
    .target(
      name: "RoostEventLoop", dependencies: ["RoostCLinux"], path: "Sources/EventLoop",
      swiftSettings: settings),
    .target(name: "Telemetry", path: "Sources/Telemetry", swiftSettings: settings),
    .target(
      name: "Pages", path: "Sources/Pages",
      exclude: ["cluster.html", "console.html", "openapi.json", "roost.d.ts", "roost.js"],
      swiftSettings: pure),

    // Pure: no I/O, no clock, no lock, no thread.
    .target(name: "RoostJSON", path: "Sources/JSON", swiftSettings: pure),
    .target(
      name: "RoostRooms", dependencies: ["RoostJSON"], path: "Sources/Rooms", swiftSettings: pure),
    .target(
      name: "RoostWire", dependencies: ["RoostRooms", "RoostJSON"], path: "Sources/Wire",
      swiftSettings: pure),
    .target(name: "RoostHTTP", path: "Sources/HTTP", swiftSettings: pure),
    .target(
      name: "RoostWebSocket", dependencies: ["RoostHTTP", "RoostCrypto", "RoostDeflate"],
      path: "Sources/WebSocket", swiftSettings: pure),

    // Edges.
    .target(
      name: "Fetch", dependencies: ["RoostEventLoop", "RoostCCurl"], path: "Sources/Fetch",
      swiftSettings: settings),
    .target(
      name: "Auth", dependencies: ["RoostCrypto", "RoostJSON", "RoostRooms"], path: "Sources/Auth",
      swiftSettings: settings),
    .target(
      name: "Backplane",
      dependencies: [
        "RoostEventLoop", "RoostRooms", "RoostJSON", "RoostCrypto", "Telemetry", "RoostCHiredis",
      ],
      path: "Sources/Backplane", swiftSettings: settings),
    .target(
      name: "Gateway",
      dependencies: [
        "RoostCrypto", "RoostDeflate", "RoostEventLoop", "Telemetry", "Pages",
        "RoostJSON", "RoostRooms", "RoostWire", "RoostHTTP", "RoostWebSocket", "Auth", "Backplane",
        "Fetch",
      ],
      path: "Sources/Gateway", swiftSettings: settings),
    .target(
      name: "Admin",
      dependencies: [
        "Gateway", "RoostEventLoop", "RoostHTTP", "Telemetry", "RoostJSON", "RoostRooms",
        "RoostWire", "Auth", "Backplane", "Pages",
      ],
      path: "Sources/Admin", swiftSettings: settings),
    .target(
      name: "RoostClient",
      dependencies: [
        "RoostEventLoop", "RoostHTTP", "RoostWebSocket", "RoostDeflate", "RoostCrypto", "RoostWire",
        "RoostRooms", "RoostJSON",
      ],
      path: "Sources/Client", swiftSettings: settings),
    .target(
      name: "Soak",
      dependencies: [
        "RoostClient", "RoostEventLoop", "RoostHTTP", "RoostWebSocket", "RoostDeflate",
        "RoostCrypto", "RoostRooms", "RoostJSON",
      ],
      path: "Sources/Soak", swiftSettings: settings),
    .executableTarget(
      name: "roost",
      dependencies: [
        "Admin", "Soak", "Gateway", "Fetch", "Auth", "Backplane", "RoostWebSocket", "RoostHTTP",
        "RoostCrypto", "RoostEventLoop", "Telemetry", "RoostJSON", "RoostRooms",
      ],
      path: "Sources/roost", swiftSettings: settings),

    // Programs to read, which the tests run.
    example("Echo"), example("Chat"), example("Dashboard"), example("Fleet"), example("Bot"),

    // Tests: one target each, and those that drive the whole.
    .target(name: "TestRandom", path: "Tests/TestRandom", swiftSettings: settings),
    .systemLibrary(name: "CTestKeys", path: "Tests/CTestKeys"),
    .target(
      name: "TestKeys", dependencies: ["CTestKeys", "Auth", "RoostCrypto"], path: "Tests/TestKeys",
      swiftSettings: settings),
    .target(
      name: "TestSupport",
      dependencies: [
        "Gateway", "RoostEventLoop", "Telemetry", "RoostJSON", "RoostRooms", "RoostHTTP",
        "RoostDeflate", "RoostWebSocket", "RoostCrypto", "Backplane",
      ],
      path: "Tests/TestSupport", swiftSettings: settings),
    tests("Crypto", ["RoostCrypto", "Auth", "TestKeys", "TestSupport"]),
    tests("Deflate", ["RoostDeflate", "TestRandom"]),
    tests("EventLoop", ["RoostEventLoop", "TestRandom"]),
    tests("Fetch", ["Fetch", "TestSupport", "RoostEventLoop"]),
    tests("Telemetry", ["Telemetry"]),
    tests("Pages", ["Pages", "RoostCrypto"]),
    tests("JSON", ["RoostJSON", "TestRandom"]),
    tests("HTTP", ["RoostHTTP", "TestRandom"]),
    tests(
      "WebSocket",
      ["RoostWebSocket", "RoostHTTP", "RoostCrypto", "RoostDeflate", "TestRandom"]),
    tests(
      "Gateway",
      [
        "Gateway", "TestSupport", "TestRandom", "TestKeys", "Auth", "RoostEventLoop", "RoostRooms",
        "RoostJSON", "RoostHTTP", "RoostWebSocket", "RoostWire", "Backplane", "Telemetry",
      ]),
    tests("Tidy", ["Gateway", "RoostWire", "Soak", "roost"]),
    tests("Rooms", ["RoostRooms", "TestRandom"]),
    tests("Wire", ["RoostWire", "RoostRooms", "RoostJSON", "TestRandom"]),
    tests("Auth", ["Auth", "TestKeys", "TestRandom", "RoostRooms", "RoostCrypto"]),
    tests(
      "Backplane",
      [
        "Backplane", "TestSupport", "TestRandom", "RoostEventLoop", "RoostRooms", "RoostJSON",
        "RoostCrypto", "Telemetry",
      ]),
    tests(
      "Admin",
      [
        "Admin", "Gateway", "TestSupport", "RoostEventLoop", "RoostHTTP", "RoostJSON", "Telemetry",
        "RoostRooms", "RoostWire", "Pages",
      ]),
    tests(
      "Conformance",
      [
        "TestSupport", "Gateway", "Admin", "Auth", "RoostEventLoop", "RoostHTTP", "RoostWebSocket",
        "RoostDeflate", "RoostCrypto", "RoostRooms", "Pages",
      ]),
    tests(
      "Cluster",
      [
        "TestSupport", "TestRandom", "TestKeys", "Auth", "RoostClient", "RoostEventLoop",
        "RoostJSON",
      ]),
    tests(
      "Client",
      [
        "RoostClient", "TestSupport", "TestKeys", "TestRandom", "Gateway", "Backplane",
        "RoostCrypto",
        "RoostEventLoop", "RoostJSON", "RoostRooms", "EchoExample", "ChatExample",
        "DashboardExample", "FleetExample", "BotExample",
      ]),
    tests(
      "Soak",
      ["Soak", "RoostEventLoop", "RoostWebSocket", "RoostJSON", "TestSupport"]),
    tests("Deploy", ["TestSupport", "Gateway", "RoostEventLoop"]),
    tests(
      "Roost",
      [
        "roost", "Gateway", "Fetch", "Soak", "TestSupport", "TestKeys", "Auth", "RoostCrypto",
        "RoostEventLoop", "RoostJSON", "RoostRooms",
      ]),
  ]
)

// libFuzzer brings its own main function, so that an ordinary build must not know this program.
if Context.environment["ROOST_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "RoostJSON", "RoostHTTP", "RoostWebSocket", "RoostWire", "RoostRooms", "RoostDeflate",
        "Gateway", "Backplane", "Auth", "RoostCrypto", "RoostClient", "RoostEventLoop",
      ],
      path: "Tests/Fuzz", exclude: ["README.md", "Corpus"],
      swiftSettings: settings))
}
