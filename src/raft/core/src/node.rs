//! A `RawNode` and what is ours around it.

use crate::abi::{self, Slice};
use crate::log::{ENTRY_WEIGHT, Log};
use crate::members;
use crate::messages;
use crate::timer::ElectionTimer;
use raft::eraftpb::{HardState, MessageType};
use raft::storage::RaftState;
use raft::{Config, ProgressState, RawNode, Ready, SnapshotStatus, StateRole};

/// Committed entries in one Ready, at most.
const COMMITTED_ENTRIES_MAX: u64 = 1024;

/// Why a call did nothing.
pub enum Failure {
    Unavailable(String),
    Invalid(String),
    Corrupt(String),
}

impl From<raft::Error> for Failure {
    fn from(error: raft::Error) -> Self {
        match error {
            raft::Error::ProposalDropped => Failure::Unavailable(error.to_string()),
            _ => Failure::Invalid(error.to_string()),
        }
    }
}

pub struct Node {
    pub(crate) raft: RawNode<Log>,
    timer: ElectionTimer,
    pending: Option<Ready>, // taken and not advanced yet
    term: u64,              // of the last Ready
    snapshot: Option<(u64, u64)>, // number of a Ready that is not known to be durable, and its snapshot's index
    election_ticks_max: usize,
    message_entries_max: usize,
    leader_commit: u64, // as leaders have told; 0: none has
}

impl Node {
    pub fn new(
        options: &abi::Options,
        calls: abi::Storage,
        hard_state: &abi::HardState,
        members: &abi::Members,
        applied: u64,
    ) -> Result<Self, Failure> {
        if options.election_ticks_max <= options.election_ticks {
            return Err(Failure::Invalid(format!(
                "election_ticks_max {} must be more than election_ticks {}",
                options.election_ticks_max, options.election_ticks
            )));
        }
        let config = Config {
            id: options.id,
            election_tick: options.election_ticks as usize,
            min_election_tick: options.election_ticks_max as usize - 1,
            max_election_tick: options.election_ticks_max as usize,
            heartbeat_tick: options.heartbeat_ticks as usize,
            applied,
            max_size_per_msg: options
                .message_entries_max
                .max(1)
                .saturating_mul(ENTRY_WEIGHT),
            max_committed_size_per_ready: COMMITTED_ENTRIES_MAX * ENTRY_WEIGHT,
            max_inflight_msgs: options.inflight_messages_max as usize,
            check_quorum: true,
            pre_vote: true,
            batch_append: true,
            priority: options.priority as i64,
            ..Default::default()
        };
        config.validate()?;
        let mut state = HardState::default();
        (state.term, state.vote, state.commit) =
            (hard_state.term, hard_state.vote, hard_state.commit);
        let log = Log {
            calls,
            initial: RaftState::new(state, members.to_raft()),
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        // Nodes that were given the same seed must not stand at the same moments.
        let seed = options.seed ^ options.id.wrapping_mul(0xd6e8_feb8_6659_fd93);
        Ok(Self {
            raft: RawNode::new(&config, log, &logger)?,
            timer: ElectionTimer::new(options.election_ticks, options.election_ticks_max, seed),
            pending: None,
            term: hard_state.term,
            snapshot: None,
            election_ticks_max: options.election_ticks_max as usize,
            message_entries_max: options.message_entries_max.max(1) as usize,
            leader_commit: 0,
        })
    }

    pub fn tick(&mut self) {
        let raft = &mut self.raft.raft;
        if raft.state != StateRole::Leader && self.timer.due_after(raft.election_elapsed as u64) {
            if !self.is_persisted() {
                return; // a candidate's log must be durable; the next tick is due again
            }
            self.raft.raft.election_elapsed = self.election_ticks_max;
        }
        self.raft.tick();
    }

    pub fn step(&mut self, from: u64, head: &[u8], entries: &[abi::Entry]) -> Result<(), Failure> {
        let mut message = messages::join(from, self.raft.raft.id, head, entries)?;
        if message.get_msg_type() == MessageType::MsgSnapshot {
            let members = message.mut_snapshot().mut_metadata().mut_conf_state();
            members::add_as_learner(members, self.raft.raft.id);
        }
        // raft-rs compares priorities also with a log that ends in a later term but is no longer: then nobody might win.
        let raft = &self.raft.raft;
        if message.log_term > raft.raft_log.last_term() && message.priority < raft.priority {
            message.priority = raft.priority;
        }
        self.leader_commit = self.leader_commit.max(messages::told_commit(&message));
        match self.raft.step(message) {
            Err(raft::Error::StepPeerNotFound) => Ok(()), // an answer of one that is no member any more
            result => Ok(result?),
        }
    }

    pub fn propose(&mut self, data: &[u8]) -> Result<u64, Failure> {
        self.check_leads()?;
        if data.is_empty() {
            let why = "an entry without data is what a new leader begins with";
            return Err(Failure::Invalid(why.into()));
        }
        self.raft.propose(vec![], data.to_vec())?;
        Ok(self.raft.raft.raft_log.last_index())
    }

    pub fn transfer_leader(&mut self, to: u64) -> Result<(), Failure> {
        if self.raft.raft.state != StateRole::Leader {
            return Err(self.not_leader());
        }
        if !self.raft.raft.prs().conf().voters().contains(to) {
            return Err(Failure::Invalid(format!(
                "node {to} is no voter, and cannot lead"
            )));
        }
        self.raft.transfer_leader(to);
        Ok(())
    }

    pub fn campaign(&mut self) -> Result<(), Failure> {
        if !self.raft.raft.promotable() {
            let id = self.raft.raft.id;
            return Err(Failure::Invalid(format!(
                "node {id} is no voter, and cannot lead"
            )));
        }
        if !self.is_persisted() {
            let why = "a candidate's log must be durable: handle ready() first";
            return Err(Failure::Invalid(why.into()));
        }
        Ok(self.raft.campaign()?)
    }

    pub fn report_unreachable(&mut self, id: u64) {
        self.raft.report_unreachable(id);
    }

    pub fn report_snapshot(&mut self, id: u64, ok: bool) {
        let status = if ok {
            SnapshotStatus::Finish
        } else {
            SnapshotStatus::Failure
        };
        self.raft.report_snapshot(id, status);
    }

    pub fn set_priority(&mut self, priority: u64) {
        self.raft.set_priority(priority as i64);
    }

    pub fn has_ready(&self) -> bool {
        self.raft.has_ready()
    }

    pub fn ready(&mut self, take: impl FnOnce(&abi::Ready)) -> Result<(), Failure> {
        if self.pending.is_some() {
            return Err(Failure::Invalid("the last ready() was not advanced".into()));
        }
        let mut ready = self.raft.ready();
        let mut messages_wait = !ready.persisted_messages().is_empty();
        let messages = match messages_wait {
            true => ready.take_persisted_messages(),
            false => ready.take_messages(),
        };
        let messages = messages::tell_commit(messages, self.raft.raft.raft_log.committed);
        // The only voter leads at once, and what a leader says need not wait; but its term must: it could lead in the
        // same one again, with other entries.
        let term = ready.hs().map_or(self.term, |state| state.term);
        messages_wait |= term > self.term;
        self.term = term;
        let entries = abi::Entry::all(ready.entries());
        let committed = abi::Entry::all(ready.committed_entries());
        messages::show(messages, self.message_entries_max, |messages| {
            take(&abi::Ready {
                number: ready.number(),
                has_hard_state: ready.hs().is_some(),
                hard_state: abi::HardState::of(ready.hs().unwrap_or(&HardState::default())),
                must_sync: ready.must_sync(),
                messages: Slice::of(messages),
                messages_wait,
                entries: Slice::of(&entries),
                snapshot: abi::Snapshot::of(ready.snapshot().get_metadata()),
                committed: Slice::of(&committed),
                commit: 0,
            })
        });
        if !ready.snapshot().is_empty() {
            self.snapshot = Some((ready.number(), ready.snapshot().get_metadata().index));
        }
        self.pending = Some(ready);
        Ok(())
    }

    pub fn advance(&mut self, take: impl FnOnce(&abi::Ready)) -> Result<(), Failure> {
        let ready = self.take_pending()?;
        let number = ready.number();
        let mut light = self.raft.advance_append(ready);
        self.apply_snapshot(number);
        let committed = abi::Entry::all(light.committed_entries());
        let commit = light.commit_index().unwrap_or(0);
        messages::show(
            messages::tell_commit(light.take_messages(), self.raft.raft.raft_log.committed),
            self.message_entries_max,
            |messages| {
                take(&abi::Ready {
                    number: 0,
                    has_hard_state: false,
                    hard_state: abi::HardState::of(&HardState::default()),
                    must_sync: false,
                    messages: Slice::of(messages),
                    messages_wait: false,
                    entries: Slice::of(&[]),
                    snapshot: abi::Snapshot::of(&Default::default()),
                    committed: Slice::of(&committed),
                    commit,
                })
            },
        );
        Ok(())
    }

    pub fn advance_async(&mut self) -> Result<(), Failure> {
        let ready = self.take_pending()?;
        self.raft.advance_append_async(ready);
        Ok(())
    }

    pub fn on_persist(&mut self, number: u64) {
        self.raft.on_persist_ready(number);
        self.apply_snapshot(number);
    }

    /// A snapshot that is taken in is applied.
    fn apply_snapshot(&mut self, durable: u64) {
        if let Some((number, index)) = self.snapshot
            && number <= durable
        {
            self.snapshot = None;
            self.raft.advance_apply_to(index);
        }
    }

    pub fn advance_apply(&mut self, index: u64) {
        self.raft.advance_apply_to(index);
    }

    pub fn status(&self) -> abi::Status {
        let raft = &self.raft.raft;
        abi::Status {
            id: raft.id,
            term: raft.term,
            vote: raft.vote,
            leader: raft.leader_id,
            commit: raft.raft_log.committed,
            applied: raft.raft_log.applied,
            transferee: raft.lead_transferee.unwrap_or(0),
            leader_commit: match raft.state {
                StateRole::Leader => raft.raft_log.committed,
                _ => self.leader_commit,
            },
            role: match raft.state {
                StateRole::Follower => 0,
                StateRole::PreCandidate => 1,
                StateRole::Candidate => 2,
                StateRole::Leader => 3,
            },
        }
    }

    /// Of a leader's peers, itself among them; of another node, nothing.
    pub fn progress(&self) -> Vec<abi::Peer> {
        if self.raft.raft.state != StateRole::Leader {
            return vec![];
        }
        let peers = self
            .raft
            .raft
            .prs()
            .iter()
            .map(|(&id, progress)| abi::Peer {
                id,
                matched: progress.matched,
                next: progress.next_idx,
                state: match progress.state {
                    ProgressState::Probe => 0,
                    ProgressState::Replicate => 1,
                    ProgressState::Snapshot => 2,
                },
                recent_active: progress.recent_active,
                paused: progress.is_paused(),
            });
        let mut peers: Vec<_> = peers.collect();
        peers.sort_unstable_by_key(|peer| peer.id);
        peers
    }

    fn take_pending(&mut self) -> Result<Ready, Failure> {
        self.pending
            .take()
            .ok_or_else(|| Failure::Invalid("there is no ready() to advance".into()))
    }

    fn is_persisted(&self) -> bool {
        let log = &self.raft.raft.raft_log;
        log.persisted >= log.last_index()
    }

    pub(crate) fn check_leads(&self) -> Result<(), Failure> {
        if self.raft.raft.state != StateRole::Leader {
            return Err(self.not_leader());
        }
        match self.raft.raft.lead_transferee {
            Some(to) => Err(Failure::Unavailable(format!(
                "the lead is being handed over to node {to}"
            ))),
            None => Ok(()),
        }
    }

    fn not_leader(&self) -> Failure {
        Failure::Unavailable(match self.raft.raft.leader_id {
            raft::INVALID_ID => format!(
                "node {} does not lead; no leader is known",
                self.raft.raft.id
            ),
            leader => format!(
                "node {} does not lead; node {leader} does",
                self.raft.raft.id
            ),
        })
    }
}
