//! The functions of `abi.h`. A panic ends here: the node is dead then, and its text is the failure's.

use crate::abi::{self, Bytes, Outcome, Slice, Take};
use crate::node::{Failure, Node};
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

pub struct Handle {
    node: Option<Node>,
    failure: String,
}

thread_local! {
    /// What the last panic of this thread said, and where.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Handle {
    fn run(&mut self, work: impl FnOnce(&mut Option<Node>) -> Result<(), Failure>) -> Outcome {
        let (outcome, failure) =
            match panic::catch_unwind(AssertUnwindSafe(|| work(&mut self.node))) {
                Ok(Ok(())) => return Outcome::Ok,
                Ok(Err(Failure::Unavailable(why))) => (Outcome::Unavailable, why),
                Ok(Err(Failure::Invalid(why))) => (Outcome::Invalid, why),
                Ok(Err(Failure::Corrupt(why))) => (Outcome::Corrupt, why),
                Err(_) => (Outcome::Dead, PANIC.take()),
            };
        self.failure = failure;
        outcome
    }

    fn call(&mut self, work: impl FnOnce(&mut Node) -> Result<(), Failure>) -> Outcome {
        self.run(|node| work(node.as_mut().expect("the node was not started")))
    }

    fn tell(&mut self, work: impl FnOnce(&mut Node)) -> Outcome {
        self.call(|node| {
            work(node);
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_new() -> *mut Handle {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        panic::set_hook(Box::new(|info| {
            PANIC.with(|text| *text.borrow_mut() = info.to_string().replace('\n', " "))
        }))
    });
    Box::into_raw(Box::new(Handle {
        node: None,
        failure: String::new(),
    }))
}

/// # Safety
/// `handle` is raft_new()'s, and not used after.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn raft_free(handle: *mut Handle) {
    drop(unsafe { Box::from_raw(handle) })
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_failure(handle: &Handle, out: &mut Bytes) {
    *out = Slice::of(handle.failure.as_bytes())
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_start(
    handle: &mut Handle,
    options: &abi::Options,
    storage: &abi::Storage,
    hard_state: &abi::HardState,
    members: &abi::Members,
    applied: u64,
) -> Outcome {
    handle.run(|node| {
        *node = Some(Node::new(options, *storage, hard_state, members, applied)?);
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_tick(handle: &mut Handle) -> Outcome {
    handle.tell(Node::tick)
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_step(
    handle: &mut Handle,
    from: u64,
    head: Bytes,
    entries: Slice<abi::Entry>,
) -> Outcome {
    handle.call(|node| node.step(from, head.get(), entries.get()))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_propose(handle: &mut Handle, data: Bytes, index: &mut u64) -> Outcome {
    handle.call(|node| {
        *index = node.propose(data.get())?;
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_propose_members(
    handle: &mut Handle,
    changes: Slice<abi::Change>,
    index: &mut u64,
) -> Outcome {
    handle.call(|node| {
        *index = node.propose_members(changes.get())?;
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_apply_members(
    handle: &mut Handle,
    data: Bytes,
    to: *mut c_void,
    take: Take<abi::Members>,
) -> Outcome {
    handle.call(|node| {
        let members = node.apply_members(data.get())?;
        unsafe { take(to, &abi::Members::of(&members)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_transfer_leader(handle: &mut Handle, to: u64) -> Outcome {
    handle.call(|node| node.transfer_leader(to))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_campaign(handle: &mut Handle) -> Outcome {
    handle.call(Node::campaign)
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_report_unreachable(handle: &mut Handle, id: u64) -> Outcome {
    handle.tell(|node| node.report_unreachable(id))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_report_snapshot(handle: &mut Handle, id: u64, ok: bool) -> Outcome {
    handle.tell(|node| node.report_snapshot(id, ok))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_set_priority(handle: &mut Handle, priority: u64) -> Outcome {
    handle.tell(|node| node.set_priority(priority))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_has_ready(handle: &mut Handle, out: &mut bool) -> Outcome {
    handle.tell(|node| *out = node.has_ready())
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_ready(
    handle: &mut Handle,
    to: *mut c_void,
    take: Take<abi::Ready>,
) -> Outcome {
    handle.call(|node| node.ready(|ready| unsafe { take(to, ready) }))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_advance(
    handle: &mut Handle,
    to: *mut c_void,
    take: Take<abi::Ready>,
) -> Outcome {
    handle.call(|node| node.advance(|light| unsafe { take(to, light) }))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_advance_async(handle: &mut Handle) -> Outcome {
    handle.call(Node::advance_async)
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_on_persist(handle: &mut Handle, number: u64) -> Outcome {
    handle.tell(|node| node.on_persist(number))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_advance_apply(handle: &mut Handle, index: u64) -> Outcome {
    handle.tell(|node| node.advance_apply(index))
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_status(handle: &mut Handle, out: &mut abi::Status) -> Outcome {
    handle.tell(|node| *out = node.status())
}

#[unsafe(no_mangle)]
pub extern "C" fn raft_progress(
    handle: &mut Handle,
    to: *mut c_void,
    take: Take<abi::Peer>,
) -> Outcome {
    handle.tell(|node| {
        node.progress()
            .iter()
            .for_each(|peer| unsafe { take(to, peer) })
    })
}
