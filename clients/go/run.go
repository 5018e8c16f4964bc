package fastembed

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Details say what a call cost and who answered it.
type Details struct {
	// Space is the space of all the results.
	Space string
	// Instances are the workers that computed them, sorted.
	Instances []string
	// Requests is the number of requests the call was split into.
	Requests int
	// Timings is the time the requests spent, by stage.
	Timings Timings
}

// Timings are times by stage. Those inside workers are sums over the requests
// of a call, which overlap: they can exceed Elapsed.
type Timings struct {
	Wait, Tokenize, Queue, Infer, Total time.Duration // inside workers
	Elapsed                             time.Duration // of the call, as the caller saw it
}

// TokenCounts say how long the texts of a call were. The slices have one entry
// for each text, in the order of the call.
type TokenCounts struct {
	// Tokens counts the tokens of each text, special ones included, after
	// truncation; 0 where the text failed.
	Tokens []uint32
	// Truncated says which texts were cut to the model's length.
	Truncated []bool
}

func newTokenCounts(texts int) TokenCounts {
	return TokenCounts{Tokens: make([]uint32, texts), Truncated: make([]bool, texts)}
}

// run is one call, of any kind: its inputs are sent in requests, several at a
// time, and each answer is filed with the inputs that it is about.
type run[P part] struct {
	*model
	space string // demanded of every answer

	// encode makes the request for some of the inputs.
	encode func(at chunk) []byte
	decode func([]byte) (P, error)
	// check says what a decoded part of an answer has wrong, beyond what holds for
	// answers of all kinds.
	check func(p P, a *assembly[P]) error
	// file puts the rows of a part where they belong: row i of the answer is of
	// input at[i], and has no result if failed[i].
	file func(p P, at chunk, failed []bool) error
	// ragged says that a row may go on in the next part.
	ragged bool
	// rowBytes is the most that a row of an answer takes, beside its token counts
	// and its error.
	rowBytes int
	// itemCodes are more errors of a whole request that are those of each input.
	itemCodes []wire.Code

	left abandoned

	mu      sync.Mutex // guards what follows and file, of which one runs at a time
	details Details
	tokens  *TokenCounts // nil where inputs have none
	failed  []ItemError
	err     error
}

// do makes the call. Its details are nil if the call failed as a whole, and there
// if only some inputs did, with a *[BatchError].
func (r *run[P]) do(ctx context.Context, split func(bodyBytes int) ([]chunk, []ItemError)) (*Details, error) {
	start := time.Now()
	ctx, cancel := r.client.withDeadline(ctx)
	defer cancel()
	maxPayload, err := within(ctx, func() (int64, error) { return r.client.nc.MaxPayload(), nil })
	if err != nil {
		return nil, err
	}
	chunks, failed := split(int(maxPayload) - headerReserve)
	r.failed, r.details.Space = failed, r.space
	if err := r.all(ctx, cancel, chunks); err != nil {
		return nil, err
	}
	r.details.Requests = len(chunks)
	r.details.Timings.Elapsed = time.Since(start)
	slices.Sort(r.details.Instances)
	if len(r.failed) > 0 {
		slices.SortFunc(r.failed, func(x, y ItemError) int { return x.Index - y.Index })
		return &r.details, &BatchError{Items: r.failed}
	}
	return &r.details, nil
}

// headerReserve is room for the headers of a request, which count towards the
// server's max_payload. Ours take about 250 bytes.
const headerReserve = 512

// all works through the chunks, several at a time, and returns the first error
// that is not one of single inputs.
func (r *run[P]) all(ctx context.Context, cancel context.CancelFunc, chunks []chunk) error {
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(chunks) || ctx.Err() != nil {
				return
			}
			if err := r.one(ctx, chunks[i]); err != nil {
				r.mu.Lock()
				if r.err == nil {
					r.err = err
				}
				r.mu.Unlock()
				cancel()
				return
			}
		}
	}
	var others sync.WaitGroup
	for range min(r.client.opts.inflight, len(chunks)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	r.client.cancel(&r.left)
	if r.err == nil && ctx.Err() != nil {
		return contextError(ctx, nil)
	}
	return r.err
}

// one sends one chunk and files its result.
func (r *run[P]) one(ctx context.Context, at chunk) error {
	var answer *assembly[P]
	silence := r.client.silence(r.info)
	err := r.client.call(ctx, &request{
		subject: r.client.callSubject(r.info),
		body:    r.encode(at),
		id:      newID(),
		parts:   true,
		alive:   silence > 0,
		silence: silence,
		left:    &r.left,
		// Every part has a row, or a good piece of one; then an error or the end.
		messages: len(at) + 2 + len(at)*r.rowBytes/leastPart,
		bytes:    (len(at) + 2) * (r.rowBytes + rowReserve),
		unheard:  unheardCall,
		begin: func() func(*nats.Msg) (bool, error) {
			answer = &assembly[P]{
				model: r.info.Model, space: r.space, rows: len(at), failed: make([]bool, len(at)),
				decode: r.decode, suits: r.check, ragged: r.ragged,
			}
			return answer.add
		},
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := ofItems(err, len(at), r.itemCodes); e != nil {
		for _, index := range at {
			r.failed = append(r.failed, ItemError{Index: index, Err: e})
		}
		return nil
	}
	if err == nil {
		err = r.fileAll(at, answer)
	}
	return err
}

// leastPart is what a part holds at the least of a row that does not fit into
// one. Servers that carry less are not for rows of that size.
const leastPart = 16 << 10

// rowReserve is what a row of a reply can take beside its result: a token
// count, an item error, and its share of a part's own keys.
const rowReserve = 4096

// unheardCall reads silence as overload: the model was there when it was
// opened, so its workers are busy, or being replaced.
func unheardCall() *Error {
	return newError(wire.CodeOverloaded, "no worker listens on the model's subject just now").because(nats.ErrNoResponders)
}

// ofItems returns the error if it is one of every input of its request rather
// than of the request: a worker that has a result for none of them answers with
// the error alone. A lone input's internal failure is that input's, too.
func ofItems(err error, inputs int, more []wire.Code) *Error {
	e, ok := err.(*Error)
	if !ok || !e.Wire {
		return nil
	}
	named := func(c wire.Code) bool { return c.Name == e.Name }
	switch {
	case named(wire.CodeInputTooLong), named(wire.CodePayloadTooLarge), slices.ContainsFunc(more, named):
		return e
	case named(wire.CodeInternal) && inputs == 1:
		return e
	default:
		return nil
	}
}

// fileAll copies an answer into the results.
func (r *run[P]) fileAll(at chunk, a *assembly[P]) error {
	for _, p := range a.parts {
		if err := r.file(p, at, a.failed); err != nil {
			return err
		}
		first, count := p.Span()
		common := p.Common()
		for i := range int(count) {
			row := int(first) + i
			if r.tokens != nil && !a.failed[row] {
				r.tokens.Tokens[at[row]], r.tokens.Truncated[at[row]] = common.Tokens[i], common.Truncated[i]
			}
		}
		for _, e := range common.Errors {
			r.failed = append(r.failed, ItemError{Index: at[e.Index], Err: itemError(e)})
		}
	}
	last := a.parts[len(a.parts)-1].Common()
	if !slices.Contains(r.details.Instances, last.Instance) {
		r.details.Instances = append(r.details.Instances, last.Instance)
	}
	t, us := &r.details.Timings, last.TimingsUs
	t.Wait += micros(us.Wait)
	t.Tokenize += micros(us.Tokenize)
	t.Queue += micros(us.Queue)
	t.Infer += micros(us.Infer)
	t.Total += micros(us.Total)
	return nil
}

func itemError(e wire.ItemError) *Error {
	code, _ := wire.CodeByName(e.Name)
	return &Error{Code: int(e.Code), Name: e.Name, Message: e.Message, Retry: Retry(code.Retry), Wire: true}
}

func micros(n uint64) time.Duration { return time.Duration(n) * time.Microsecond }
