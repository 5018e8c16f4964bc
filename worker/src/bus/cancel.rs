//! Word of attempts that nobody waits for any more. Every worker hears all of
//! it, and most of it is about requests that others have.

use std::sync::Arc;
use std::time::Instant;

use async_nats::Message;

use super::endpoint::{Shared, header};
use crate::roster::Slot;
use crate::wire::call::Call;
use crate::wire::cancel::CancelRequest;
use crate::wire::{Error, Format, protocol};

/// Operation of these messages, in logs.
const OPERATION: &str = "cancel";

/// What hears it.
pub(super) struct Cancels {
    pub(super) shared: Arc<Shared>,
    pub(super) slots: Arc<[Arc<Slot>]>,
}

impl Cancels {
    /// Takes one message. What cannot be read is counted, and answered where it
    /// names a subject for that; the others are not answered, since each worker
    /// would.
    pub(super) async fn take(&self, message: Message) {
        match read(&message) {
            Ok(request) => {
                self.shared.metrics.cancel_heard("ok");
                if self
                    .shared
                    .attempts
                    .cancel(&request.attempts, Instant::now())
                {
                    let loaded = self.slots.iter().filter_map(|slot| slot.pipeline());
                    loaded.for_each(|pipeline| pipeline.drop_unwanted());
                }
            }
            Err(error) => {
                self.shared.metrics.cancel_heard(error.code.name());
                self.shared.failures.note(OPERATION, "", &error);
                self.refuse(&message, &error).await;
            }
        }
    }

    async fn refuse(&self, message: &Message, error: &Error) {
        if message.reply.is_none() {
            return;
        }
        if let Some(to) = self.shared.reply_subject(message) {
            let headers = message.headers.as_ref();
            let (Ok(call) | Err((_, call))) =
                Call::read(|name| header(headers, name), &message.payload);
            self.shared.outbox.refusal(to, &call, error).await;
        }
    }
}

fn read(message: &Message) -> Result<CancelRequest, Error> {
    let declared = header(message.headers.as_ref(), protocol::HEADER_CONTENT_TYPE);
    Format::negotiate(declared, &message.payload)?.decode(&message.payload)
}
