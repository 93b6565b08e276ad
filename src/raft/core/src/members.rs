//! Changes of the members.

use crate::abi;
use crate::node::{Failure, Node};
use protobuf::Message as _;
use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, ConfState};
use raft::{Changer, StateRole};

impl Node {
    /// raft-rs puts an empty entry in place of a change that it does not take; here it is refused.
    pub fn propose_members(&mut self, changes: &[abi::Change]) -> Result<u64, Failure> {
        self.check_leads()?;
        let raft = &self.raft.raft;
        let joint = !raft.prs().conf().to_conf_state().voters_outgoing.is_empty();
        if raft.has_pending_conf() || joint {
            return Err(Failure::Unavailable(
                "another change of members is under way".into(),
            ));
        }
        let change = to_conf_change(changes)?;
        let mut changer = Changer::new(raft.prs());
        match change.enter_joint() {
            Some(auto_leave) => changer.enter_joint(auto_leave, &change.changes)?,
            None => changer.simple(&change.changes)?,
        };
        self.raft.propose_conf_change(vec![], change)?;
        Ok(self.raft.raft.raft_log.last_index())
    }

    pub fn apply_members(&mut self, data: &[u8]) -> Result<ConfState, Failure> {
        let change = ConfChangeV2::parse_from_bytes(data)
            .map_err(|error| Failure::Corrupt(format!("a change of members: {error}")))?;
        let mut members = self.raft.apply_conf_change(&change)?;
        // raft-rs lets a leader that is no voter any more lead on, and panics at what it then commits.
        let raft = &mut self.raft.raft;
        if raft.state == StateRole::Leader && !raft.promotable() {
            raft.become_follower(raft.term, raft::INVALID_ID);
        }
        members.voters.sort_unstable();
        members.voters_outgoing.sort_unstable();
        members.learners.sort_unstable();
        members.learners_next.sort_unstable();
        Ok(members)
    }
}

/// A snapshot is where the log begins, often from before the entry that adds the node which needs it; raft-rs takes in none
/// that does not know its node. As a learner the node decides nothing, and the entry comes.
pub fn add_as_learner(members: &mut ConfState, id: u64) {
    let is_member = [&members.voters, &members.voters_outgoing, &members.learners]
        .iter()
        .any(|ids| ids.contains(&id));
    if !is_member {
        members.learners.push(id);
    }
}

fn to_conf_change(changes: &[abi::Change]) -> Result<ConfChangeV2, Failure> {
    if changes.is_empty() {
        return Err(Failure::Invalid(
            "a change of members that changes nothing".into(),
        ));
    }
    let singles = changes.iter().map(|change| {
        let mut single = ConfChangeSingle {
            node_id: change.node,
            ..Default::default()
        };
        single.set_change_type(match change.kind {
            0 => ConfChangeType::AddNode,
            1 => ConfChangeType::RemoveNode,
            _ => ConfChangeType::AddLearnerNode,
        });
        single
    });
    let mut change = ConfChangeV2::default();
    change.set_changes(singles.collect::<Vec<_>>().into());
    Ok(change)
}
