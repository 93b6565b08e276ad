//! Messages go out as a head without entries, and their entries beside it; and come back so.

use crate::abi::{self, Slice};
use crate::node::Failure;
use protobuf::Message as _;
use raft::eraftpb::{Entry, Message, MessageType};

/// Shows `messages` to `take`, none with more than `entries_max` entries.
pub fn show(messages: Vec<Message>, entries_max: usize, take: impl FnOnce(&[abi::Message])) {
    let parts: Vec<_> = messages
        .into_iter()
        .filter(follows)
        .flat_map(|message| split(message, entries_max))
        .map(|mut message| {
            let entries: Vec<Entry> = message.take_entries().into();
            let head = message.write_to_bytes().expect("a message can be written");
            (message, head, entries)
        })
        .collect();
    let entries: Vec<_> = parts
        .iter()
        .map(|(_, _, entries)| abi::Entry::all(entries))
        .collect();
    let shown: Vec<_> = parts
        .iter()
        .zip(&entries)
        .map(|((message, head, _), entries)| abi::Message {
            to: message.to,
            kind: message.get_msg_type() as i32,
            head: Slice::of(head),
            entries: Slice::of(entries),
            snapshot_index: message.get_snapshot().get_metadata().index,
        })
        .collect();
    take(&shown);
}

/// A heartbeat's `commit` is no more than the other node is known to have. What the leader has goes along as its `index`, which
/// raft-rs leaves 0 and does not look at.
pub fn tell_commit(mut messages: Vec<Message>, commit: u64) -> Vec<Message> {
    for message in &mut messages {
        if message.get_msg_type() == MessageType::MsgHeartbeat {
            message.index = commit;
        }
    }
    messages
}

/// What its sender, a leader, has committed; 0: it does not tell.
pub fn told_commit(message: &Message) -> u64 {
    match message.get_msg_type() {
        MessageType::MsgHeartbeat => message.index,
        MessageType::MsgAppend => message.commit,
        _ => 0,
    }
}

/// raft-rs joins entries to an append without any that waits to go to the same node, wherever that one stands. What does not
/// fit is lost, as if the network had lost it.
fn follows(message: &Message) -> bool {
    message
        .entries
        .first()
        .is_none_or(|first| first.index == message.index + 1)
}

/// Entries not yet stored come in one message however many they are: raft-rs joins them.
fn split(mut message: Message, entries_max: usize) -> Vec<Message> {
    if message.entries.len() <= entries_max {
        return vec![message];
    }
    let entries: Vec<Entry> = message.take_entries().into();
    entries
        .chunks(entries_max)
        .map(|chunk| {
            let mut part = message.clone();
            part.set_entries(chunk.to_vec().into());
            let last = chunk.last().expect("chunks are not empty");
            (message.index, message.log_term) = (last.index, last.term);
            part
        })
        .collect()
}

/// The message of `head` and `entries`, if it is one that a node at `from` may send to a node at `to`.
pub fn join(from: u64, to: u64, head: &[u8], entries: &[abi::Entry]) -> Result<Message, Failure> {
    let mut message = Message::parse_from_bytes(head)
        .map_err(|error| Failure::Corrupt(format!("a message's head: {error}")))?;
    message.set_entries(
        entries
            .iter()
            .map(abi::Entry::to_raft)
            .collect::<Vec<_>>()
            .into(),
    );
    let kind = message.get_msg_type();
    if message.from != from || message.to != to {
        return Err(Failure::Invalid(format!(
            "a message from node {} to node {} came from node {from} to node {to}",
            message.from, message.to
        )));
    }
    if !is_between_nodes(kind) || message.term == 0 {
        let term = message.term;
        return Err(Failure::Corrupt(format!(
            "{kind:?} in term {term} is no message between nodes"
        )));
    }
    for (entry, index) in message.entries.iter().zip(message.index + 1..) {
        if entry.index != index || entry.term == 0 || entry.term > message.term {
            return Err(Failure::Corrupt(format!(
                "entry {} of term {} in place of entry {index}, in a message of term {}",
                entry.index, entry.term, message.term
            )));
        }
    }
    Ok(message)
}

/// Others are made and taken by a node for itself, or belong to what is not used: raft-rs trusts them.
fn is_between_nodes(kind: MessageType) -> bool {
    use MessageType::*;
    matches!(
        kind,
        MsgAppend
            | MsgAppendResponse
            | MsgRequestVote
            | MsgRequestVoteResponse
            | MsgSnapshot
            | MsgHeartbeat
            | MsgHeartbeatResponse
            | MsgTimeoutNow
            | MsgRequestPreVote
            | MsgRequestPreVoteResponse
    )
}
