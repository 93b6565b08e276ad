//! The C++ side's log, as raft-rs wants to see it.

use crate::abi::{self, Fetched, Slice};
use raft::eraftpb::{Entry, Snapshot};
use raft::storage::{GetEntriesContext, RaftState, Storage};
use raft::{Error, Result, StorageError};
use std::ffi::c_void;

/// raft-rs limits lists of entries by bytes. Ours are limited by number: each counts as this much, more than any has.
pub const ENTRY_WEIGHT: u64 = 1 << 20;

pub struct Log {
    pub calls: abi::Storage,
    pub initial: RaftState,
}

fn checked(fetched: Fetched) -> Result<()> {
    match fetched {
        Fetched::Ok => Ok(()),
        Fetched::Compacted => Err(Error::Store(StorageError::Compacted)),
        Fetched::Unavailable => Err(Error::Store(StorageError::Unavailable)),
        Fetched::Failed => Err(Error::Store(StorageError::Other(
            "the log cannot be read".into(),
        ))),
    }
}

impl Storage for Log {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(self.initial.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        let max = max_size
            .into()
            .map_or(u64::MAX, |size| (size / ENTRY_WEIGHT).max(1));
        let mut found = Slice::of(&[]);
        checked(unsafe { (self.calls.entries)(self.calls.this, low, high, max, &mut found) })?;
        Ok(found.get().iter().map(abi::Entry::to_raft).collect())
    }

    fn term(&self, index: u64) -> Result<u64> {
        let mut term = 0;
        checked(unsafe { (self.calls.term)(self.calls.this, index, &mut term) })?;
        Ok(term)
    }

    fn first_index(&self) -> Result<u64> {
        Ok(unsafe { (self.calls.first_index)(self.calls.this) })
    }

    fn last_index(&self) -> Result<u64> {
        Ok(unsafe { (self.calls.last_index)(self.calls.this) })
    }

    fn snapshot(&self, _request_index: u64, _to: u64) -> Result<Snapshot> {
        unsafe extern "C" fn take(to: *mut c_void, snapshot: &abi::Snapshot) {
            unsafe { *to.cast::<Snapshot>() = snapshot.to_raft() }
        }
        let mut snapshot = Snapshot::default();
        let to: *mut Snapshot = &mut snapshot;
        unsafe { (self.calls.snapshot)(self.calls.this, to.cast(), take) };
        let meta = snapshot.get_metadata();
        let nobody = meta.get_conf_state().voters.is_empty() && meta.get_conf_state().learners.is_empty();
        if meta.index > 0 && nobody {
            // It could not be read now.
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        Ok(snapshot)
    }
}
