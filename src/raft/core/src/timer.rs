//! When to stand for election.

/// Draws a new timeout whenever the time since the leader was last heard of begins anew.
///
/// raft-rs draws its own from the thread's random numbers. Its range is made one value wide (the latest), and the node
/// moves its clock on when ours is due, so that a run follows from its seed.
pub struct ElectionTimer {
    ticks_min: u64,
    ticks_max: u64,
    random: u64,
    timeout: u64,
}

impl ElectionTimer {
    /// Timeouts are from [ticks_min, ticks_max).
    pub fn new(ticks_min: u64, ticks_max: u64, seed: u64) -> Self {
        Self {
            ticks_min,
            ticks_max,
            random: seed,
            timeout: ticks_max,
        }
    }

    /// Whether the tick that comes now, after `elapsed` others, is the one.
    pub fn due_after(&mut self, elapsed: u64) -> bool {
        if elapsed == 0 {
            self.timeout = self.ticks_min + self.next() % (self.ticks_max - self.ticks_min);
        }
        elapsed + 1 >= self.timeout
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
