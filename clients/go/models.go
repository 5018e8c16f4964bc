package fastembed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Model is a model that the fleet serves.
type Model struct {
	// Op is the operation, such as "text", and Name the name it is called by.
	Op, Name string
	// Instances is the number of workers that serve it.
	Instances int
	// Metadata is what the first of these workers says of it.
	Metadata map[string]string
}

// maxDiscovered bounds the answers one call of Models reads.
const maxDiscovered = 10_000

// service is the part of an ADR-32 INFO answer that matters here.
type service struct {
	Name      string `json:"name"`
	ID        string `json:"id"`
	Endpoints []struct {
		Subject  string            `json:"subject"`
		Metadata map[string]string `json:"metadata"`
	} `json:"endpoints"`
}

// Models asks every worker what it serves, by the NATS service protocol, and
// merges the answers by op and name. It returns when no answer has come for a
// while (300 milliseconds, see [WithQuietInterval]) or with the context's
// deadline, whichever is first: nobody knows how many workers there are. No
// workers are no error, but an empty list. Errors are a cancelled context, a
// lost connection ([ErrNotConnected]) and [ErrClosed].
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	ctx, cancel := c.withDeadline(ctx)
	defer cancel()
	return within(ctx, func() ([]Model, error) { return c.models(ctx) })
}

func (c *Client) models(ctx context.Context) ([]Model, error) {
	merged := map[[2]string]*Model{}
	seen := map[string]bool{}
	err := c.gather(ctx, func(m *nats.Msg) {
		var s service
		// An answer that cannot be read is not one of ours.
		if json.Unmarshal(m.Data, &s) == nil && s.Name == wire.ServiceName && !seen[s.ID] {
			seen[s.ID] = true
			c.merge(merged, &s)
		}
	})
	if err != nil {
		return nil, err
	}
	models := make([]Model, 0, len(merged))
	for _, m := range merged {
		models = append(models, *m)
	}
	slices.SortFunc(models, func(x, y Model) int {
		return cmp.Or(cmp.Compare(x.Op, y.Op), cmp.Compare(x.Name, y.Name))
	})
	return models, nil
}

// merge counts what one worker serves under the client's prefix. The subject of
// a call is <prefix>fastembed.v1.<op>.<model>.
func (c *Client) merge(merged map[[2]string]*Model, s *service) {
	mine := map[[2]string]bool{}
	for _, e := range s.Endpoints {
		call, ok := strings.CutPrefix(e.Subject, c.opts.prefix+wire.SubjectRoot+".")
		op, name, found := strings.Cut(call, ".")
		key := [2]string{op, name}
		if !ok || !found || op == wire.OpInfo || mine[key] {
			continue
		}
		mine[key] = true
		if merged[key] == nil {
			merged[key] = &Model{Op: op, Name: name, Metadata: e.Metadata}
		}
		merged[key].Instances++
	}
}

// gather asks all workers and hands on their answers.
func (c *Client) gather(ctx context.Context, each func(*nats.Msg)) error {
	started, err := c.awaitConnection(ctx)
	if err != nil {
		return gatherError(ctx, err)
	}
	id := newID()
	box, reply, err := c.inbox.open(ctx, id, maxDiscovered, maxDiscovered*4096, noLife)
	if err != nil {
		return gatherError(ctx, err)
	}
	defer c.inbox.drop(id)
	before := c.nc.LastError()
	subject := "$SRV.INFO." + wire.ServiceName
	if err := c.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply}); err != nil {
		return publishError(err)
	}
	quiet := time.NewTimer(c.opts.quiet)
	defer quiet.Stop()
	for {
		select {
		case <-box.ready:
			msgs, over := box.take()
			for _, m := range msgs {
				if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
					return nil
				}
				each(m)
			}
			if over {
				return nil
			}
			quiet.Reset(c.opts.quiet)
		case <-quiet.C:
			if now, ok := epoch(c.nc); !ok || now != started {
				return errConnectionLost
			}
			return c.refused(subject, before)
		case <-c.closed:
			return ErrClosed
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return contextError(ctx, nil)
		}
	}
}

func gatherError(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrClosed) {
		return contextError(ctx, err)
	}
	return err
}
