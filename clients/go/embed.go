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

// Embeddings is the result of [TextEmbedding.EmbedDetailed]. Its slices have
// one entry for each text, in the order of the call.
type Embeddings struct {
	// Vectors are the embeddings; nil where the text failed.
	Vectors [][]float32
	// Tokens counts the tokens of each text, special ones included, after
	// truncation; 0 where the text failed.
	Tokens []uint32
	// Truncated says which texts were cut to the model's length.
	Truncated []bool
	// Space is the space of all the vectors.
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

// Embed returns one vector for each text, in their order.
//
// batchSize is the most texts in one request; 0 leaves the choice to the
// client. The call is split into requests that workers and bus can carry, and
// several are in flight at a time, so one call can use the whole fleet. Failed
// requests are repeated where that helps; see [WithRetry].
//
// If some texts fail, for example as too long with [WithTruncate](false), their
// vectors are nil, the others are there, and the error is a *[BatchError]. If
// a request fails as a whole, so does the call, with no vectors, and the error
// is an *[Error], or wraps [ErrNotConnected] or [ErrSilent], or is [ErrClosed].
// When ctx ends first the error matches [ErrDeadlineExceeded] or [ErrCancelled]
// and the context's error; if it was cancelled, workers are told and drop what
// they have not computed. No texts are an [ErrInvalidRequest].
func (t *TextEmbedding) Embed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) ([][]float32, error) {
	result, err := t.EmbedDetailed(ctx, texts, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Vectors, err
}

// EmbedDetailed is [TextEmbedding.Embed] with token counts, truncation, origin
// and timings. The result is nil exactly when the call as a whole failed; with
// a *[BatchError] it is not.
func (t *TextEmbedding) EmbedDetailed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) (*Embeddings, error) {
	switch {
	case t.closed.Load():
		return nil, ErrClosed
	case len(texts) == 0:
		return nil, newError(wire.CodeInvalidRequest, "there are no texts")
	case batchSize < 0:
		return nil, newError(wire.CodeInvalidRequest, "the batch size is %d", batchSize)
	}
	start := time.Now()
	ctx, cancel := t.client.withDeadline(ctx)
	defer cancel()

	run := t.newRun(texts, t.opts.with(opts))
	maxPayload, err := within(ctx, func() (int64, error) { return t.client.nc.MaxPayload(), nil })
	if err != nil {
		return nil, err
	}
	chunks, failed := split(texts, run.bounds(batchSize, int(maxPayload)))
	run.failed = failed
	if err := run.all(ctx, cancel, chunks); err != nil {
		return nil, err
	}
	run.result.Requests = len(chunks)
	run.result.Timings.Elapsed = time.Since(start)
	slices.Sort(run.result.Instances)
	if len(run.failed) > 0 {
		slices.SortFunc(run.failed, func(x, y ItemError) int { return x.Index - y.Index })
		return run.result, &BatchError{Items: run.failed}
	}
	return run.result, nil
}

// run is one call of EmbedDetailed.
type run struct {
	client *Client
	info   *Info
	texts  []string
	doc    wire.TextRequest // what all the requests have in common
	left   abandoned

	mu     sync.Mutex // guards what follows, but rows of result that belong to one chunk
	result *Embeddings
	failed []ItemError
	err    error
}

func (t *TextEmbedding) newRun(texts []string, o embedOptions) *run {
	space := t.info.Space
	if o.normalize != nil && !*o.normalize {
		space += wire.SpaceSuffixRaw
	}
	return &run{
		client: t.client,
		info:   t.info,
		texts:  texts,
		doc:    wire.TextRequest{Truncate: o.truncate, Normalize: o.normalize, Space: &space},
		result: &Embeddings{
			Vectors:   make([][]float32, len(texts)),
			Tokens:    make([]uint32, len(texts)),
			Truncated: make([]bool, len(texts)),
			Space:     space,
		},
	}
}

// bounds measures what requests of this run may hold. An array header takes up
// to 5 bytes, of which one is in the encoded empty request already.
func (r *run) bounds(batchSize, maxPayload int) bounds {
	if batchSize == 0 {
		batchSize = defaultBatch
	}
	return bounds{
		texts:     max(1, min(batchSize, r.info.Limits.MaxInputs)),
		textBytes: r.info.Limits.MaxInputBytes,
		bodyBytes: maxPayload - headerReserve,
		fullBytes: wire.QueueMaxTokens / 4,
		fixed:     len(wire.AppendTextRequest(nil, &r.doc)) + 4,
	}
}

// headerReserve is room for the headers of a request, which count towards the
// server's max_payload. Ours take about 250 bytes.
const headerReserve = 512

// all works through the chunks, several at a time, and returns the first error
// that is not one of single texts.
func (r *run) all(ctx context.Context, cancel context.CancelFunc, chunks []chunk) error {
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
func (r *run) one(ctx context.Context, at chunk) error {
	doc := r.doc
	doc.Inputs = make([]string, len(at))
	for i, index := range at {
		doc.Inputs[i] = r.texts[index]
	}
	var answer *assembly
	silence := r.client.silence(r.info)
	err := r.client.call(ctx, &request{
		subject: r.client.textSubject(r.info.Model),
		body:    wire.AppendTextRequest(nil, &doc),
		id:      newID(),
		parts:   true,
		alive:   silence > 0,
		silence: silence,
		left:    &r.left,
		// Every part has a row; then an error or the end.
		messages: len(at) + 2,
		bytes:    (len(at) + 2) * (4*r.info.Dimensions + rowReserve),
		unheard:  unheardText,
		begin: func() func(*nats.Msg) (bool, error) {
			answer = &assembly{
				model: r.info.Model, space: r.result.Space,
				rows: len(at), dims: r.info.Dimensions, failed: make([]bool, len(at)),
			}
			return answer.add
		},
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := ofItems(err, len(at)); e != nil {
		for _, index := range at {
			r.failed = append(r.failed, ItemError{Index: index, Err: e})
		}
		return nil
	}
	if err == nil {
		r.file(at, answer)
	}
	return err
}

// rowReserve is what a row of a reply can take beside its numbers: a token
// count, an item error, and its share of a part's own keys.
const rowReserve = 4096

// unheardText reads silence as overload: the model was there when the embedding
// was made, so its workers are busy, or being replaced.
func unheardText() *Error {
	return newError(wire.CodeOverloaded, "no worker listens on the model's subject just now").because(nats.ErrNoResponders)
}

// ofItems returns the error if it is one of every text of its request rather
// than of the request: a worker that has a vector for none of them answers with
// the error alone. A lone text's internal failure is that text's, too.
func ofItems(err error, texts int) *Error {
	e, ok := err.(*Error)
	if !ok || !e.Wire {
		return nil
	}
	switch e.Name {
	case wire.CodeInputTooLong.Name, wire.CodePayloadTooLarge.Name:
		return e
	case wire.CodeInternal.Name:
		if texts == 1 {
			return e
		}
	}
	return nil
}

// file copies an answer into the result.
func (r *run) file(at chunk, a *assembly) {
	for _, part := range a.parts {
		rows := at[part.Embeddings.First:]
		for i, vector := range a.vectors(part) {
			r.result.Vectors[rows[i]] = vector
			r.result.Tokens[rows[i]] = part.Tokens[i]
			r.result.Truncated[rows[i]] = part.Truncated[i]
		}
		for _, e := range part.Errors {
			r.failed = append(r.failed, ItemError{Index: at[e.Index], Err: itemError(e)})
			r.result.Tokens[at[e.Index]], r.result.Truncated[at[e.Index]] = 0, false
		}
	}
	last := a.parts[len(a.parts)-1]
	if !slices.Contains(r.result.Instances, last.Instance) {
		r.result.Instances = append(r.result.Instances, last.Instance)
	}
	t, us := &r.result.Timings, last.TimingsUs
	t.Wait += micros(us.Wait)
	t.Tokenize += micros(us.Tokenize)
	t.Queue += micros(us.Queue)
	t.Infer += micros(us.Infer)
	t.Total += micros(us.Total)
}

func itemError(e wire.ItemError) *Error {
	code, _ := wire.CodeByName(e.Name)
	return &Error{Code: int(e.Code), Name: e.Name, Message: e.Message, Retry: Retry(code.Retry), Wire: true}
}

func micros(n uint64) time.Duration { return time.Duration(n) * time.Microsecond }
