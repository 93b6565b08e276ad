//! The structures of `abi.h`, field by field; what they mean is said there.

use raft::eraftpb::{ConfState, Entry as RaftEntry, EntryType, SnapshotMetadata};
use std::ffi::c_void;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice<T> {
    at: *const T,
    size: usize,
}
pub type Bytes = Slice<u8>;
pub type Ids = Slice<u64>;

impl<T> Slice<T> {
    pub fn of(items: &[T]) -> Self {
        Self {
            at: items.as_ptr(),
            size: items.len(),
        }
    }

    pub fn get(&self) -> &[T] {
        match self.size {
            0 => &[],
            size => unsafe { std::slice::from_raw_parts(self.at, size) },
        }
    }
}

#[repr(i32)]
pub enum Outcome {
    Ok,
    Unavailable,
    Invalid,
    Corrupt,
    Dead,
}

#[repr(C)]
pub struct Entry {
    index: u64,
    term: u64,
    members: bool,
    data: Bytes,
}

impl Entry {
    pub fn of(entry: &RaftEntry) -> Self {
        Self {
            index: entry.index,
            term: entry.term,
            members: entry.get_entry_type() == EntryType::EntryConfChangeV2,
            data: Slice::of(&entry.data),
        }
    }

    pub fn all(entries: &[RaftEntry]) -> Vec<Self> {
        entries.iter().map(Self::of).collect()
    }

    pub fn to_raft(&self) -> RaftEntry {
        let mut entry = RaftEntry {
            index: self.index,
            term: self.term,
            ..Default::default()
        };
        entry.data = self.data.get().to_vec().into();
        if self.members {
            entry.set_entry_type(EntryType::EntryConfChangeV2);
        }
        entry
    }
}

#[repr(C)]
pub struct HardState {
    pub term: u64,
    pub vote: u64,
    pub commit: u64,
}

impl HardState {
    pub fn of(state: &raft::eraftpb::HardState) -> Self {
        Self {
            term: state.term,
            vote: state.vote,
            commit: state.commit,
        }
    }
}

#[repr(C)]
pub struct Members {
    voters: Ids,
    outgoing: Ids,
    learners: Ids,
    learners_next: Ids,
    auto_leave: bool,
}

impl Members {
    pub fn of(state: &ConfState) -> Self {
        Self {
            voters: Slice::of(&state.voters),
            outgoing: Slice::of(&state.voters_outgoing),
            learners: Slice::of(&state.learners),
            learners_next: Slice::of(&state.learners_next),
            auto_leave: state.auto_leave,
        }
    }

    pub fn to_raft(&self) -> ConfState {
        ConfState {
            voters: self.voters.get().to_vec(),
            voters_outgoing: self.outgoing.get().to_vec(),
            learners: self.learners.get().to_vec(),
            learners_next: self.learners_next.get().to_vec(),
            auto_leave: self.auto_leave,
            ..Default::default()
        }
    }
}

#[repr(C)]
pub struct Snapshot {
    index: u64,
    term: u64,
    members: Members,
}

impl Snapshot {
    pub fn of(metadata: &SnapshotMetadata) -> Self {
        Self {
            index: metadata.index,
            term: metadata.term,
            members: Members::of(metadata.get_conf_state()),
        }
    }

    pub fn to_raft(&self) -> raft::eraftpb::Snapshot {
        let mut snapshot = raft::eraftpb::Snapshot::default();
        let metadata = snapshot.mut_metadata();
        metadata.index = self.index;
        metadata.term = self.term;
        metadata.set_conf_state(self.members.to_raft());
        snapshot
    }
}

#[repr(C)]
pub struct Message {
    pub to: u64,
    pub kind: i32,
    pub head: Bytes,
    pub entries: Slice<Entry>,
    pub snapshot_index: u64,
}

#[repr(C)]
pub struct Change {
    pub kind: i32,
    pub node: u64,
}

#[repr(C)]
pub struct Ready {
    pub number: u64,
    pub has_hard_state: bool,
    pub hard_state: HardState,
    pub must_sync: bool,
    pub messages: Slice<Message>,
    pub messages_wait: bool,
    pub entries: Slice<Entry>,
    pub snapshot: Snapshot,
    pub committed: Slice<Entry>,
    pub commit: u64,
}

#[repr(C)]
pub struct Status {
    pub id: u64,
    pub term: u64,
    pub vote: u64,
    pub leader: u64,
    pub commit: u64,
    pub applied: u64,
    pub transferee: u64,
    pub leader_commit: u64,
    pub role: i32,
}

#[repr(C)]
pub struct Peer {
    pub id: u64,
    pub matched: u64,
    pub next: u64,
    pub state: i32,
    pub recent_active: bool,
    pub paused: bool,
}

#[repr(C)]
pub struct Options {
    pub id: u64,
    pub election_ticks: u64,
    pub election_ticks_max: u64,
    pub heartbeat_ticks: u64,
    pub seed: u64,
    pub message_entries_max: u64,
    pub inflight_messages_max: u64,
    pub priority: u64,
}

#[repr(i32)]
#[allow(dead_code)] // they are made in C++
pub enum Fetched {
    Ok,
    Compacted,
    Unavailable,
    Failed,
}

/// A callback that is handed a `T` to copy from, beside the pointer that came with it.
pub type Take<T> = unsafe extern "C" fn(to: *mut c_void, &T);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Storage {
    pub this: *mut c_void,
    pub entries: unsafe extern "C" fn(*mut c_void, u64, u64, u64, &mut Slice<Entry>) -> Fetched,
    pub term: unsafe extern "C" fn(*mut c_void, u64, &mut u64) -> Fetched,
    pub first_index: unsafe extern "C" fn(*mut c_void) -> u64,
    pub last_index: unsafe extern "C" fn(*mut c_void) -> u64,
    pub snapshot: unsafe extern "C" fn(*mut c_void, *mut c_void, Take<Snapshot>),
}
