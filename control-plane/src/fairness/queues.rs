//! The queues of one priority level: who waits where, and whose turn it is.
//!
//! Each queue keeps how much work it was given, in seats times milliseconds. The next to be served is the one that was given
//! least; one that was idle begins where the others are, so that idling saves up nothing.

use std::collections::VecDeque;

/// Who waits. Given out by the level's owner.
pub(super) type Ticket = u64;

/// What a request is taken to need before it is known what it took.
const ESTIMATE_MS: u64 = 50;

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) flow: u64,
    pub(super) seats: u32,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    running: u32,
    given: u64,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }

    fn load(&self) -> u64 {
        u64::from(self.running) + self.waiting.iter().map(|waiting| u64::from(waiting.seats)).sum::<u64>()
    }
}

/// All queues of a level.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: Vec<Queue>,
    /// What the queue served last had been given by then.
    clock: u64,
    waiting: usize,
}

impl Queues {
    /// At least so many. Those in use stay.
    pub(super) fn grow(&mut self, count: usize) {
        if self.queues.len() < count {
            self.queues.resize_with(count, Queue::default);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The queue with the least load among those that the flow was dealt.
    pub(super) fn shortest(&self, flow: u64, deck: usize, hand: usize) -> usize {
        let dealt = deal(flow, deck.min(self.queues.len()), hand);
        dealt.into_iter().min_by_key(|index| self.queues[*index].load()).unwrap_or_default()
    }

    pub(super) fn length(&self, queue: usize) -> usize {
        self.queues.get(queue).map_or(0, |queue| queue.waiting.len())
    }

    pub(super) fn push(&mut self, queue: usize, waiting: Waiting) {
        let clock = self.clock;
        let Some(queue) = self.queues.get_mut(queue) else { return };
        if queue.is_idle() {
            queue.given = queue.given.max(clock);
        }
        queue.waiting.push_back(waiting);
        self.waiting += 1;
    }

    /// Counts what runs without having waited.
    pub(super) fn start(&mut self, queue: usize, seats: u32) {
        let clock = self.clock;
        let Some(queue) = self.queues.get_mut(queue) else { return };
        if queue.is_idle() {
            queue.given = queue.given.max(clock);
        }
        queue.running += seats;
        queue.given += u64::from(seats) * ESTIMATE_MS;
    }

    /// Takes the next request for which there is room.
    pub(super) fn pop(&mut self, fits: impl Fn(&Waiting) -> bool) -> Option<(usize, Waiting)> {
        let ready = self.queues.iter().enumerate().filter(|(_, queue)| queue.waiting.front().is_some_and(&fits));
        let (index, _) = ready.min_by_key(|(_, queue)| queue.given)?;
        let queue = &mut self.queues[index];
        let next = queue.waiting.pop_front()?;
        self.clock = self.clock.max(queue.given);
        queue.running += next.seats;
        queue.given += u64::from(next.seats) * ESTIMATE_MS;
        self.waiting -= 1;
        Some((index, next))
    }

    /// Corrects the estimate by what it took.
    pub(super) fn finish(&mut self, queue: usize, seats: u32, took_ms: u64) {
        let Some(queue) = self.queues.get_mut(queue) else { return };
        queue.running = queue.running.saturating_sub(seats);
        let seats = u64::from(seats);
        queue.given = (queue.given + seats * took_ms).saturating_sub(seats * ESTIMATE_MS);
    }

    /// Forgets who does not want to wait any more.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        for queue in &mut self.queues {
            if let Some(at) = queue.waiting.iter().position(|waiting| waiting.ticket == ticket) {
                queue.waiting.remove(at);
                self.waiting -= 1;
                return true;
            }
        }
        false
    }
}

/// `hand` different numbers below `deck`, the same ones for the same flow. Two flows rarely have all of them in common, so a
/// flow that fills its queues leaves most others at least one.
pub(super) fn deal(mut flow: u64, deck: usize, hand: usize) -> Vec<usize> {
    let mut dealt: Vec<usize> = Vec::with_capacity(hand.min(deck));
    for left in (1..=deck).rev().take(hand) {
        let mut card = (flow % left as u64) as usize;
        flow /= left as u64;
        let mut taken = dealt.clone();
        taken.sort_unstable();
        for taken in taken {
            card += usize::from(card >= taken);
        }
        dealt.push(card);
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_has_no_card_twice_and_stays_below_the_deck() {
        for flow in (0..500_u64).map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
            let mut hand = deal(flow, 64, 6);
            assert_eq!(hand, deal(flow, 64, 6));
            hand.sort_unstable();
            hand.dedup();
            assert_eq!(hand.len(), 6);
            assert!(hand.iter().all(|card| *card < 64));
        }
        assert_eq!(deal(7, 1, 3), [0]);
        assert!(deal(7, 0, 3).is_empty());
    }

    fn waiting(ticket: Ticket) -> Waiting {
        Waiting { ticket, flow: ticket, seats: 1 }
    }

    #[test]
    fn the_queue_that_was_given_least_is_next() {
        let mut queues = Queues::default();
        queues.grow(2);
        (0..3).for_each(|ticket| queues.push(0, waiting(ticket)));
        queues.push(1, waiting(9));
        let served: Vec<Ticket> = std::iter::from_fn(|| queues.pop(|_| true)).map(|(_, next)| next.ticket).collect();
        assert_eq!(served, [0, 9, 1, 2]);
    }

    #[test]
    fn long_work_counts_as_what_it_took() {
        let mut queues = Queues::default();
        queues.grow(2);
        queues.start(0, 1);
        queues.finish(0, 1, 10_000);
        queues.start(1, 1);
        queues.finish(1, 1, 1);
        queues.push(0, waiting(0));
        (1..4).for_each(|ticket| queues.push(1, waiting(ticket)));
        let served: Vec<Ticket> = std::iter::from_fn(|| queues.pop(|_| true)).map(|(_, next)| next.ticket).collect();
        assert_eq!(served, [1, 2, 3, 0]);
    }

    #[test]
    fn who_leaves_is_not_served() {
        let mut queues = Queues::default();
        queues.grow(1);
        (0..2).for_each(|ticket| queues.push(0, waiting(ticket)));
        assert!(queues.leave(0));
        assert!(!queues.leave(0));
        assert_eq!(queues.pop(|_| true).map(|(_, next)| next.ticket), Some(1));
        assert_eq!(queues.waiting(), 0);
    }
}
