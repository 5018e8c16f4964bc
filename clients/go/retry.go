package fastembed

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// RetryPolicy bounds how often and how quickly a failed attempt is repeated.
// Only failures that another attempt can mend are repeated at all, whatever
// the policy; an embedding changes nothing in a worker, so doing it twice does
// no harm.
type RetryPolicy struct {
	// MaxAttempts is the most attempts of one request, the first included; 0 means
	// as many as the deadline allows.
	MaxAttempts int
	// MinWait is the pause before the second attempt. It doubles with each
	// further one. A worker's own wish for a longer pause goes first.
	MinWait time.Duration
	// MaxWait is the longest pause that doubling leads to.
	MaxWait time.Duration
}

// DefaultRetryPolicy is attempts until the deadline, with pauses from 20
// milliseconds up to 1 second.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{MinWait: 20 * time.Millisecond, MaxWait: time.Second}
}

// NoRetry is one attempt.
func NoRetry() RetryPolicy { return RetryPolicy{MaxAttempts: 1} }

// maxSpaceAttempts bounds the search for a worker of the right space: if this
// many random members of the fleet refuse, the space is gone.
const maxSpaceAttempts = 8

// maxSilentAttempts bounds what a request can cost that kills the workers who
// take it. It is not fewer because a worker whose machine vanished stays in the
// queue group until the server misses it, and is picked again meanwhile.
const maxSilentAttempts = 8

// history is what the attempts of one request came to so far.
type history struct {
	attempts int // all of them
	internal int // those that failed in a way that is worth one more try
	space    int // those that met a worker of another space
	silent   int // those that nothing came for
}

// next decides whether the request is tried again after err, and after which
// pause. It is the only place that does; [Client.attempts] asks it after every
// attempt that failed while the context still ran. left is the time until the
// deadline: a pause that would outlive it is not begun, so that the caller
// learns the true reason, and at once.
//
//   - The connection broke: the answer is lost, another attempt follows as soon
//     as the connection is back. A connection closed for good ends the call.
//   - The worker fell silent: again at once, as it is gone and the time was long
//     enough, but bounded.
//   - "elsewhere" (overloaded, draining, no responders): again until the
//     deadline, as the queue group picks its members at random.
//   - space_mismatch is "elsewhere" too, but bounded: a fleet that has moved on
//     will not move back.
//   - "once" (internal, and replies that break the contract): again, once.
//   - "never": no.
func (p RetryPolicy) next(h *history, err error, left time.Duration) (wait time.Duration, again bool) {
	h.attempts++
	if p.MaxAttempts > 0 && h.attempts >= p.MaxAttempts {
		return 0, false
	}
	if errors.Is(err, errConnectionLost) {
		return 0, true
	}
	if errors.Is(err, ErrSilent) {
		h.silent++
		return 0, h.silent < maxSilentAttempts
	}
	var e *Error
	if !errors.As(err, &e) {
		return 0, false
	}
	switch e.Retry {
	case RetryElsewhere:
		if e.Name == wire.CodeSpaceMismatch.Name {
			h.space++
			if h.space >= maxSpaceAttempts {
				return 0, false
			}
		}
	case RetryOnce:
		h.internal++
		if h.internal > 1 {
			return 0, false
		}
	default:
		return 0, false
	}
	wait = p.pause(h.attempts, e.RetryAfter)
	return wait, wait < left
}

// pause doubles with each attempt and takes a random part of that, so that
// callers refused together do not come back together; the worker's wish is
// kept in full, with up to a quarter on top.
func (p RetryPolicy) pause(attempts int, wish time.Duration) time.Duration {
	wait := p.MaxWait
	// Compared from the longer side, as a shift to the left overflows.
	if shift := attempts - 1; p.MinWait < p.MaxWait>>shift {
		wait = p.MinWait << shift
	}
	return max(jitter(wait/2, wait), jitter(wish, wish+wish/4))
}

func jitter(from, to time.Duration) time.Duration {
	return from + rand.N(to-from+1)
}
