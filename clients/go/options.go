package fastembed

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/silence"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

const (
	defaultInflight = 32
	maxInflight     = 1024
	defaultTimeout  = wire.DefaultTimeoutMs * time.Millisecond
	defaultQuiet    = 300 * time.Millisecond
)

// Option configures a [Client].
type Option func(*options) error

type options struct {
	prefix   string // "" or ends in a dot
	retry    RetryPolicy
	inflight int
	timeout  time.Duration
	quiet    time.Duration
	silence  time.Duration // 0: means nothing
	lane     Lane
}

func defaults() options {
	return options{
		retry:    DefaultRetryPolicy(),
		inflight: defaultInflight,
		timeout:  defaultTimeout,
		quiet:    defaultQuiet,
		silence:  silence.Limit,
	}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidOption, fmt.Sprintf(format, args...))
}

var subjectPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// WithSubjectPrefix puts tokens before every subject the client calls, for
// fleets that serve under a tenant's prefix: "acme" or "acme.prod". The default
// is none.
func WithSubjectPrefix(prefix string) Option {
	return func(o *options) error {
		if !subjectPrefix.MatchString(prefix) {
			return invalid("subject prefix %q", prefix)
		}
		o.prefix = prefix + "."
		return nil
	}
}

// WithInflight sets how many requests one call of Embed keeps unanswered at a
// time, from 1 to 1024. More keep more workers busy and hold more memory. The
// default is 32.
func WithInflight(requests int) Option {
	return func(o *options) error {
		if requests < 1 || requests > maxInflight {
			return invalid("%d requests in flight; 1 to %d are possible", requests, maxInflight)
		}
		o.inflight = requests
		return nil
	}
}

// WithDefaultTimeout sets the time a call gets when its context has no
// deadline. The default is 30 seconds.
func WithDefaultTimeout(timeout time.Duration) Option {
	return func(o *options) error {
		if timeout <= 0 {
			return invalid("default timeout %v", timeout)
		}
		o.timeout = timeout
		return nil
	}
}

// WithQuietInterval sets the silence after which [Client.Models] takes the
// fleet to have answered. The default is 300 milliseconds; a fleet across
// regions needs more.
func WithQuietInterval(quiet time.Duration) Option {
	return func(o *options) error {
		if quiet <= 0 {
			return invalid("quiet interval %v", quiet)
		}
		o.quiet = quiet
		return nil
	}
}

// Lane says who waits for an answer.
type Lane string

const (
	// LaneInteractive is for calls that somebody waits for; they go first.
	LaneInteractive Lane = wire.LaneInteractive
	// LaneBulk is for work that may wait.
	LaneBulk Lane = wire.LaneBulk
)

// WithLane sets the lane of every call. The default is [LaneInteractive].
func WithLane(lane Lane) Option {
	return func(o *options) error {
		if lane != LaneInteractive && lane != LaneBulk {
			return invalid("lane %q", lane)
		}
		o.lane = lane
		return nil
	}
}

// WithSignsOfLife says whether workers are asked for a sign of life each second
// while they hold a request. With them, the default, an attempt whose worker was
// killed is noticed after three seconds of silence and made again, at most 8
// times; a worker that is only slow is waited for. A worker that cannot give
// them, by [Info].Features, is never taken for dead. Without them the requests
// that a killed worker held end with the deadline.
func WithSignsOfLife(on bool) Option {
	return func(o *options) error {
		if o.silence = 0; on {
			o.silence = silence.Limit
		}
		return nil
	}
}

// WithRetry sets how failed attempts are repeated. The default is
// [DefaultRetryPolicy], which also gives a wait that is left 0; NoRetry() turns
// repeating off.
func WithRetry(policy RetryPolicy) Option {
	return func(o *options) error {
		standard := DefaultRetryPolicy()
		policy.MinWait = cmp.Or(policy.MinWait, standard.MinWait)
		policy.MaxWait = cmp.Or(policy.MaxWait, max(policy.MinWait, standard.MaxWait))
		if policy.MaxAttempts < 0 || policy.MinWait < 0 || policy.MaxWait < policy.MinWait {
			return invalid("retry policy %+v", policy)
		}
		o.retry = policy
		return nil
	}
}
