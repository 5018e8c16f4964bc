//! One subject: from the first message to an orderly leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::task::unconstrained;

use super::arrivals::Arrivals;
use super::connect::Error;
use super::line::{Hold, Line};

/// Least traffic that the hand-over counts ahead, and least silence after which
/// traffic is too thin to reach a count. A slow way to the server widens both.
const MIN_MARGIN: Duration = Duration::from_millis(50);
const MIN_QUIET: Duration = Duration::from_millis(150);

/// Time given to reach a count: past it the rate was overrated, and the next
/// count is nearer.
const MIN_ROUND: Duration = Duration::from_secs(1);

/// Unread messages that are taken before a count, so that a flood has an end.
const MAX_UNREAD: usize = 4096;

/// Messages that are taken between two looks for the word to stop, which cost as
/// much as taking a message does.
const AT_ONCE: usize = 64;

/// Counts that are tried, so that leaving ends within seconds.
const MAX_ROUNDS: usize = 20;

/// The word to stop: how long a message takes to the server and back.
pub(super) type Stop = watch::Receiver<Option<Duration>>;

/// What is subscribed to, anew on every connection.
pub(super) struct Intake {
    pub(super) client: Client,
    pub(super) line: Arc<Line>,
    pub(super) subject: String,
    /// Members of one group share the messages.
    pub(super) group: Option<String>,
}

/// The subscription ended for good, and nobody had said that it should.
pub(super) struct Ended;

/// A subscription on one connection.
pub(super) struct Subscription {
    // In this order: it is given up before the connection is let go.
    subscriber: Subscriber,
    hold: Hold,
    arrivals: Arrivals,
}

impl Intake {
    /// Subscribes on the connection that is there, or on the next.
    ///
    /// # Errors
    /// [`Error::Subscribe`].
    pub(super) async fn subscribe(&self) -> Result<Subscription, Error> {
        let hold = self.line.hold().await;
        let subject = self.subject.clone();
        let subscriber = match self.group.clone() {
            Some(group) => self.client.queue_subscribe(subject, group).await,
            None => self.client.subscribe(subject).await,
        };
        let subscriber = subscriber.map_err(|fault| Error::Subscribe {
            subject: self.subject.clone(),
            reason: fault.to_string(),
        })?;
        Ok(Subscription {
            subscriber,
            hold,
            arrivals: Arrivals::default(),
        })
    }

    /// Hands every message to `take` until the word to stop, then leaves.
    ///
    /// # Errors
    /// [`Ended`]: the client library has given up.
    pub(super) async fn run<F: Future<Output = ()>>(
        &self,
        mut subscription: Subscription,
        mut stop: Stop,
        take: impl Fn(Message) -> F,
    ) -> Result<(), Ended> {
        let round_trip = loop {
            tokio::select! {
                // In random order: a flood must not keep the word to stop away.
                message = subscription.subscriber.next() => match message {
                    Some(message) => {
                        subscription.hand(message, &take).await;
                        subscription.take_unread(AT_ONCE, &take).await;
                    }
                    None => return Err(Ended),
                },
                round_trip = stopped(&mut stop) => break round_trip,
                () = self.line.lost(&subscription.hold) => {
                    subscription.give_up(&take).await;
                    tokio::select! {
                        // While disconnected nothing is subscribed, so there is
                        // nothing to leave.
                        _ = stopped(&mut stop) => return Ok(()),
                        next = self.subscribe() => match next {
                            Ok(next) => subscription = next,
                            // The client is closed.
                            Err(_) => return Err(Ended),
                        },
                    }
                }
            }
        };
        self.leave(subscription, round_trip, &take).await;
        Ok(())
    }

    /// Leaves by count: server and client agree on the last message, so none is
    /// lost between them, which neither `unsubscribe` nor `drain` of the client
    /// library gives (it forgets a subscription before the server does).
    async fn leave<F: Future<Output = ()>>(
        &self,
        mut subscription: Subscription,
        round_trip: Duration,
        take: &impl Fn(Message) -> F,
    ) {
        // The server must not have passed the count when it hears of it.
        let margin = MIN_MARGIN.max(2 * round_trip);
        let quiet = MIN_QUIET.max(3 * round_trip);
        for _ in 0..MAX_ROUNDS {
            // What lies here unread is counted by the library already.
            subscription.take_unread(MAX_UNREAD, take).await;
            if !self.line.serves(&subscription.hold) {
                return subscription.give_up(take).await;
            }
            let before = subscription.arrivals.count();
            let last = before + subscription.arrivals.within(margin, Instant::now());
            let agreed = subscription.subscriber.unsubscribe_after(last).await;
            if agreed.is_err() {
                return;
            }
            let end = tokio::time::Instant::now() + MIN_ROUND.max(quiet);
            let silence = || end.min(tokio::time::Instant::now() + quiet);
            while let Ok(message) =
                tokio::time::timeout_at(silence(), subscription.subscriber.next()).await
            {
                let Some(message) = message else { return };
                subscription.hand(message, take).await;
            }
            if subscription.arrivals.count() == before {
                break;
            }
        }
        // Nothing came for a while, so hardly anything is on its way.
        if subscription.subscriber.drain().await.is_ok() {
            while let Ok(Some(message)) =
                tokio::time::timeout(quiet, subscription.subscriber.next()).await
            {
                subscription.hand(message, take).await;
            }
        }
    }
}

impl Subscription {
    async fn hand<F: Future<Output = ()>>(
        &mut self,
        message: Message,
        take: &impl Fn(Message) -> F,
    ) {
        self.arrivals.note(Instant::now());
        take(message).await;
    }

    async fn take_unread<F: Future<Output = ()>>(
        &mut self,
        most: usize,
        take: &impl Fn(Message) -> F,
    ) {
        for _ in 0..most {
            let Some(message) = unread(&mut self.subscriber) else {
                return;
            };
            self.hand(message, take).await;
        }
    }

    /// Ends it while there is no connection: the library subscribes again only
    /// for those who still listen.
    async fn give_up<F: Future<Output = ()>>(mut self, take: &impl Fn(Message) -> F) {
        self.take_unread(MAX_UNREAD, take).await;
    }
}

/// The next of what lies there. The runtime has a task take no more than 128 messages
/// before it lets others run, and says until then that none is there; here, whoever
/// takes them has a bound.
fn unread<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    unconstrained(stream.next()).now_or_never().flatten()
}

/// Waits for the word to stop; a sender that is gone is as good.
async fn stopped(stop: &mut Stop) -> Duration {
    let word = stop.wait_for(|stop| stop.is_some()).await;
    word.ok().and_then(|stop| *stop).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures_util::stream::poll_fn;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn all_that_lies_there_is_taken_however_much_the_runtime_lets_a_task_take() {
        let (sender, mut receiver) = mpsc::channel(1000);
        (0..1000).for_each(|number| sender.try_send(number).unwrap());
        let mut stream = poll_fn(|context| receiver.poll_recv(context));
        for number in 0..1000 {
            assert_eq!(unread(&mut stream), Some(number));
        }
        assert_eq!(unread(&mut stream), None);
    }
}
