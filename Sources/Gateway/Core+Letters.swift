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
    if !backplaneLetters.isEmpty, let mailbox = shared.backplaneMailbox {
      let taken = mailbox.post(backplaneLetters)
      if taken == backplaneLetters.count {
        backplaneLetters.removeAll(keepingCapacity: taken <= 4096)
      } else {
        backplaneLetters.removeFirst(taken)
      }
    }
    if !outboundLetters.isEmpty, let outbound = shared.outbound {
      let taken = outbound.mailbox.post(outboundLetters)
      if taken == outboundLetters.count {
        outboundLetters.removeAll(keepingCapacity: taken <= 4096)
      } else {
        outboundLetters.removeFirst(taken)
      }
    }
    guard outgoingCount > 0 else { return }
    for shard in outgoing.indices where !outgoing[shard].isEmpty {
      let taken = shared.mailboxes[shard].post(outgoing[shard])
      outgoingCount -= taken
      if taken == outgoing[shard].count {
        outgoing[shard].removeAll(keepingCapacity: outgoing[shard].capacity <= 4096)
      } else {
        // The box is full: the rest waits here, in order, and is posted in the next round.
        metrics.mailboxRefusals.add(UInt64(outgoing[shard].count - taken))
        outgoing[shard].removeFirst(taken)
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
        let count = deliverDirect(to: .connection(direct.target), direct.data, direct.sender)
        post(.directDelivered(direct.ticket, count: count), to: direct.ticket.shard)
      case .directDelivered(let ticket, let count): directDelivered(ticket, count)
      case .adopt(let letter): adopt(letter, now)
      case .evict(let letter): evict(letter, now)
      case .closeOldest(let connection): closeOldest(connection, now)
      case .server(let letter): serverAsked(letter, now)
      case .control(let letter):
        post(.controlAnswered(number: letter.number, carryOut(letter.question, now)), to: 0)
      case .decided(let answer): decided(answer, now)
      case .controlAnswered(let number, let answer): gathered(number, answer, now)
      }
    }
  }
}
