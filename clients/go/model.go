package fastembed

import (
	"context"
	"regexp"
	"strconv"
	"sync/atomic"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// model is one model of the fleet, of any kind.
type model struct {
	client *Client
	info   *Info
	takes  optionSet
	opts   embedOptions
	closed atomic.Bool
}

// modelName is what can stand in a subject as one token.
var modelName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// open asks the fleet for a model and makes m stand for it.
func (c *Client) open(ctx context.Context, m *model, op, name string, takes optionSet, opts []EmbedOption) error {
	if !modelName.MatchString(name) {
		return newError(wire.CodeInvalidRequest,
			"%q is no model name: letters, digits, _ and - are allowed; hub names are aliases that a worker's info lists", name)
	}
	ctx, cancel := c.withDeadline(ctx)
	defer cancel()
	info, err := c.info(ctx, op, name)
	if err != nil {
		return err
	}
	if takes&optDimensions != 0 && info.Dimensions == 0 {
		return newError(wire.CodeInternal, "worker %q serves vectors of no dimensions", info.Instance)
	}
	m.client, m.info, m.takes, m.opts = c, info, takes, embedOptions{}.with(opts)
	return m.opts.refuse(info, takes)
}

// Info returns what a worker said of the model when it was opened.
func (m *model) Info() Info { return m.info.clone() }

// Close makes further calls fail with [ErrClosed]. Calls under way are
// finished. There is nothing in the workers to free: they keep the model for
// every caller. Closing twice is fine.
func (m *model) Close() { m.closed.Store(true) }

// begin refuses a call that cannot be right, and returns its options.
func (m *model) begin(inputs, batchSize int, opts []EmbedOption) (embedOptions, error) {
	var none embedOptions
	switch {
	case m.closed.Load():
		return none, ErrClosed
	case inputs == 0:
		return none, newError(wire.CodeInvalidRequest, "there are no inputs")
	case batchSize < 0:
		return none, newError(wire.CodeInvalidRequest, "the batch size is %d", batchSize)
	}
	o := m.opts.with(opts)
	return o, o.refuse(m.info, m.takes)
}

// batch is the most inputs of a request.
func batch(wish, otherwise, limit int) int {
	if wish == 0 {
		wish = otherwise
	}
	return max(1, min(wish, limit))
}

// space is the space of the vectors that a call asks for.
func (m *model) space(o embedOptions) string {
	space := m.info.Space
	if o.normalize != nil && !*o.normalize {
		space += wire.SpaceSuffixRaw
	}
	if dims := o.dims(m.info); dims != m.info.Dimensions {
		space += wire.SpaceSuffixDimensions + strconv.Itoa(dims)
	}
	return space
}

// wish is what a request says of its dimensions: nothing, unless it was asked.
func (o embedOptions) wish() *uint32 {
	if o.given&optDimensions == 0 {
		return nil
	}
	n := uint32(o.dimensions)
	return &n
}
