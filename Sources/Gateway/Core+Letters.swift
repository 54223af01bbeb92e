// Letters: to other shards, collected and posted once a round; from them, taken all together.

import Backplane
import RoostEventLoop
import RoostWire
import Telemetry

extension Core {
  mutating func post(_ letter: ShardLetter, to shard: Int) {
    precondition(shard != index, "a letter to oneself")
    outgoing[shard].append(letter)
    outgoingCount += 1
  }

  mutating func postLetters() {
    if !backplaneLetters.isEmpty { shared.backplaneMailbox?.post(from: &backplaneLetters) }
    if !outboundLetters.isEmpty { shared.outbound?.mailbox.post(from: &outboundLetters) }
    guard outgoingCount > 0 else { return }
    for shard in outgoing.indices where !outgoing[shard].isEmpty {
      outgoingCount -= shared.mailboxes[shard].post(from: &outgoing[shard])
      // A full box: the rest waits here, in order, and is posted in the next round.
      if !outgoing[shard].isEmpty {
        metrics.mailboxRefusals.add(UInt64(outgoing[shard].count))
      }
    }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    let letters = shared.mailboxes[index].takeAll()
    followRules(now)
    for letter in letters {
      switch letter {
      case .command(let command): submit(command, now)
      case .event(let event): handle(event, now)
      case .direct(let direct):
        let count = deliverDirect(
          to: .connection(direct.target), direct.data, direct.sender, mid: direct.mid)
        post(.directDelivered(direct.ticket, count: count), to: direct.ticket.shard)
      case .directDelivered(let ticket, let count): directDelivered(ticket, count)
      case .adopt(let letter): adopt(letter, now)
      case .evict(let letter): evict(letter, now)
      case .closeOldest(let connection): closeOldest(connection, now)
      case .makeRoom(let user): makeRoom(for: user, now)
      case .server(let letter): serverAsked(letter, now)
      case .control(let letter):
        if case .top = letter.question {
          beginSurvey(letter.number)
        } else {
          post(.controlAnswered(number: letter.number, carryOut(letter.question, now)), to: 0)
        }
      case .decided(let answer): decided(answer, now)
      case .sendAway(let order): sendAway(order, now)
      case .controlAnswered(let number, let answer): gathered(number, answer, now)
      }
    }
  }
}
