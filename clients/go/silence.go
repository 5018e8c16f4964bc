package fastembed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// quiet notices that nothing comes for an attempt any more. The first half of
// the limit may be the network's fault: a request on a slow line has not even
// reached the server. So then the server is asked for a sign of its own, before
// which it reads all that was sent to it; the second half counts from there.
//
// Time is counted in ticks, of which a stopped process misses all but one: a
// laptop that slept does not take its own silence for the worker's.
type quiet struct {
	limit time.Duration // 0: silence means nothing
	ping  func() <-chan error

	since time.Duration // the last frame, or the server's sign
	pong  <-chan error  // the server's sign, while it is awaited
	there bool          // the server gave it, and no frame came since
}

// heard says that a frame came.
func (s *quiet) heard() { s.since, s.pong, s.there = 0, nil, false }

// tick counts one [connTick] and says whether the silence has lasted too long.
func (s *quiet) tick() (over bool) {
	if s.limit == 0 {
		return false
	}
	s.since += connTick
	select {
	case err := <-s.pong:
		// Without the server's sign it is asked again, unless the attempt ends with
		// the connection.
		s.pong, s.there = nil, err == nil
		if s.there {
			s.since = 0
		}
		return false
	default:
	}
	if s.pong != nil || s.since < s.limit/2 {
		return false
	}
	if !s.there {
		s.pong = s.ping()
	}
	return s.there
}

// silence is how long the model's workers may say nothing: those that give no
// signs of life, for as long as they like.
func (c *Client) silence(info *Info) time.Duration {
	if !slices.Contains(info.Features, wire.AcceptAlive) {
		return 0
	}
	return c.opts.silence
}

// ping asks the server for a sign, without waiting for it.
func (c *Client) ping(ctx context.Context) <-chan error {
	pong := make(chan error, 1)
	go func() { pong <- c.nc.FlushWithContext(ctx) }()
	return pong
}

// errSilent ends an attempt for which no frame came for so long.
func errSilent(limit time.Duration) error {
	return fmt.Errorf("%w: no sign of life for %v", ErrSilent, limit)
}

// signOfLife tells an alive frame from the answer: it has a body, but no place
// among the parts.
func (q *request) signOfLife(m *nats.Msg) bool {
	return q.alive && len(m.Data) > 0 && m.Header.Get(wire.HeaderPart) == "" &&
		m.Header.Get(wire.HeaderServiceError) == "" && m.Header.Get(wire.HeaderServiceErrorCode) == ""
}

// noLife is for answers that no sign of life comes before.
func noLife(*nats.Msg) bool { return false }
