//! One request for one model, as the bus hands it over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Ticket};
use super::objects::Store;
use crate::models::Op;
use crate::telemetry::metrics::ModelMetrics;
use crate::wire::call::Call;
use crate::wire::reply::Room;
use crate::wire::{Error, ErrorCode};

/// A request before it is read.
pub struct Request {
    /// Which of the model's operations it asks for.
    pub op: Op,
    /// The terms in its headers.
    pub call: Call,
    /// What a reply may take.
    pub room: Room,
    /// Its document.
    pub body: Bytes,
    /// When it came.
    pub received: Instant,
    /// Fires when its caller gives it up.
    pub cancelled: CancellationToken,
    /// Where the objects are that it may name.
    pub store: Option<Arc<dyn Store>>,
}

impl Request {
    /// When nobody wants its answer any more.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.received + self.call.timeout
    }

    /// What its caller is told when nobody answered in time.
    #[must_use]
    pub fn expired(&self) -> Error {
        deadline_exceeded(self.call.timeout)
    }

    /// Gives it a place among what waits for the model.
    ///
    /// # Errors
    /// `overloaded` where there is none, `deadline_exceeded` and `cancelled` where
    /// it needs none any more.
    pub fn admit(
        &self,
        admission: &Arc<Admission>,
        metrics: &ModelMetrics,
    ) -> Result<Ticket, Error> {
        let is_cancelled = self.cancelled.is_cancelled();
        if self.call.timeout.is_zero() || is_cancelled {
            metrics.expired_request();
            return Err(match is_cancelled {
                true => Error::cancelled(),
                false => self.expired(),
            });
        }
        // Files say nothing of what their images cost; those are charged when they
        // are counted.
        match self.op {
            Op::Image => admission.admit_as(0, self.body.len()),
            _ => admission.admit(self.body.len()),
        }
    }
}

pub(crate) fn deadline_exceeded(timeout: Duration) -> Error {
    let message = format!("no answer within {} ms", timeout.as_millis());
    Error::new(ErrorCode::DeadlineExceeded, message)
}
