// Why a command does not do what it was told.

/// Something that was typed and cannot be done, as a sentence without its full stop.
struct CommandMistake: Error, Equatable {
  let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}
