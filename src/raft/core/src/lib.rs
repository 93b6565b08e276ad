//! raft-rs behind the C interface that `abi.h` describes.

mod abi;
mod calls;
mod log;
mod members;
mod messages;
mod node;
mod timer;
