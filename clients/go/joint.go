package fastembed

import (
	"context"
	"fmt"
	"slices"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// JointTextEmbedding turns texts into several kinds of vectors in one pass, with
// one model of the fleet. It is safe for concurrent use.
type JointTextEmbedding struct{ model }

// Output is a kind of vectors that a joint model makes.
type Output string

const (
	// OutputDense is one vector for each text.
	OutputDense Output = wire.OutputDense
	// OutputSparse is one sparse vector for each text.
	OutputSparse Output = wire.OutputSparse
	// OutputColBERT is one vector for each token of a text but the first.
	OutputColBERT Output = wire.OutputColbert
)

// JointEmbedding is what a joint model makes of one text. What was not asked for
// is empty, and so is everything where the text failed.
type JointEmbedding struct {
	// Dense is the vector of the whole text.
	Dense []float32
	// Sparse has a weight for each of some words.
	Sparse SparseEmbedding
	// ColBERT has a vector for each token but the first; see [MaxSim].
	ColBERT [][]float32
}

// JointEmbeddings is the result of [JointTextEmbedding.EmbedDetailed].
type JointEmbeddings struct {
	// Embeddings has an entry for each text, in the order of the call.
	Embeddings []JointEmbedding
	TokenCounts
	Details
}

// NewJointEmbedding asks the fleet for a joint model, such as "BGEM3Q". All else
// is as with [Client.NewTextEmbedding].
func (c *Client) NewJointEmbedding(ctx context.Context, name string, opts ...EmbedOption) (*JointTextEmbedding, error) {
	j := &JointTextEmbedding{}
	if err := c.open(ctx, &j.model, wire.OpJoint, name, optTruncate|optOutputs, opts); err != nil {
		return nil, err
	}
	return j, nil
}

// Embed returns what the model makes of each text, in their order: all of it, or
// what [WithOutputs] names. Requests, failures and errors are those of
// [TextEmbedding.Embed]. ColBERT's vectors are many: 4 KiB for each token of
// BGE-M3.
func (j *JointTextEmbedding) Embed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) ([]JointEmbedding, error) {
	result, err := j.EmbedDetailed(ctx, texts, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Embeddings, err
}

// EmbedDetailed is [JointTextEmbedding.Embed] with token counts, truncation,
// origin and timings. The result is nil exactly when the call as a whole failed.
func (j *JointTextEmbedding) EmbedDetailed(ctx context.Context, texts []string, batchSize int, opts ...EmbedOption) (*JointEmbeddings, error) {
	o, err := j.begin(len(texts), batchSize, opts)
	if err != nil {
		return nil, err
	}
	want, err := newWanted(o)
	if err != nil {
		return nil, err
	}
	result := &JointEmbeddings{Embeddings: make([]JointEmbedding, len(texts)), TokenCounts: newTokenCounts(len(texts))}
	doc := wire.JointRequest{Truncate: o.truncate, Outputs: want.names, Space: &j.info.Space}
	r := &run[*wire.JointReply]{
		model: &j.model, space: j.info.Space, tokens: &result.TokenCounts, rowBytes: want.rowBytes(j.info),
		ragged: want.colbert,
		encode: func(at chunk) []byte {
			doc := doc
			doc.Inputs = pick(texts, at)
			return wire.AppendJointRequest(nil, &doc)
		},
		decode: wire.DecodeJointReply,
		check: func(p *wire.JointReply, a *assembly[*wire.JointReply]) error {
			return want.check(p, a, j.info.Dimensions)
		},
		file: func(p *wire.JointReply, at chunk, failed []bool) error {
			fileJoint(result.Embeddings, p, at, failed)
			return nil
		},
	}
	fixed := len(wire.AppendJointRequest(nil, &doc))
	details, err := r.do(ctx, j.splitTexts(texts, batchSize, want.fullBytes(), fixed))
	if details == nil {
		return nil, err
	}
	result.Details = *details
	return result, err
}

// wanted is the outputs of one call.
type wanted struct {
	names                  []string // nil: all
	dense, sparse, colbert bool
}

func newWanted(o embedOptions) (wanted, error) {
	if o.given&optOutputs == 0 {
		return wanted{dense: true, sparse: true, colbert: true}, nil
	}
	var w wanted
	for _, output := range o.outputs {
		w.names = append(w.names, string(output))
	}
	has := func(output Output) bool { return slices.Contains(o.outputs, output) }
	w.dense, w.sparse, w.colbert = has(OutputDense), has(OutputSparse), has(OutputColBERT)
	kinds := 0
	for _, there := range []bool{w.dense, w.sparse, w.colbert} {
		if there {
			kinds++
		}
	}
	if kinds == 0 || kinds != len(o.outputs) {
		return w, newError(wire.CodeInvalidRequest, "outputs %q: some of %q are needed, none twice", o.outputs, wire.Outputs)
	}
	return w, nil
}

// fullBytes keeps answers small: a byte of text is a token at most, and ColBERT
// makes kilobytes of each.
func (w wanted) fullBytes() int {
	if w.colbert {
		return 8 << 10
	}
	return wire.QueueMaxTokens / 4
}

// rowBytes bounds a row of an answer. Vectors of tokens are not known to be as
// long as those of texts, which they are in BGE-M3.
func (w wanted) rowBytes(info *Info) int {
	n := 4 * info.Dimensions
	if w.sparse {
		n += sparseRowBytes
	}
	if w.colbert {
		n += 4 * info.MaxTokens * max(info.Dimensions, 1024)
	}
	return n
}

// check compares a part with what was asked for, and the vectors of a row that
// goes on with those that came before.
func (w wanted) check(p *wire.JointReply, a *assembly[*wire.JointReply], dims int) error {
	c := p.ColBERT
	goesOn := c != nil && c.From > 0
	switch {
	case (p.Embeddings != nil) != (w.dense && !goesOn), (p.Sparse != nil) != (w.sparse && !goesOn), (c != nil) != w.colbert:
		return fmt.Errorf("it holds other outputs than those that were asked for")
	case p.Embeddings != nil:
		if err := checkVectors(p.Embeddings, EncodingF32, dims); err != nil {
			return err
		}
	}
	if !w.colbert {
		return nil
	}
	if before := a.parts; len(before) > 0 && before[0].ColBERT.Dims != c.Dims {
		return fmt.Errorf("its tokens' vectors have %d dimensions, then %d", before[0].ColBERT.Dims, c.Dims)
	}
	vectors := wire.Uint32At(c.Offsets, int(c.Count))
	switch {
	case c.Dims == 0 && vectors > 0:
		return fmt.Errorf("its tokens' vectors have no dimensions")
	case c.Count == 0:
		return fmt.Errorf("a part has no rows")
	case !goesOn:
		a.held = vectors - wire.Uint32At(c.Offsets, int(c.Count)-1)
		return nil
	case vectors == 0 || c.From != a.held || a.failed[a.got-1]:
		return fmt.Errorf("row %d goes on with %d vectors at %d, where there are %d", c.First, vectors, c.From, a.held)
	default:
		a.held += vectors
		return nil
	}
}

// fileJoint copies the rows of a part; what failed stays empty.
func fileJoint(into []JointEmbedding, p *wire.JointReply, at chunk, failed []bool) {
	if v := p.Embeddings; v != nil {
		dims, first, flat := int(v.Dims), int(v.First), float32s(v.Data)
		for i := range int(v.Count) {
			if !failed[first+i] {
				into[at[first+i]].Dense = flat[i*dims : (i+1)*dims : (i+1)*dims]
			}
		}
	}
	if p.Sparse != nil {
		fileSparse(p.Sparse, failed, func(row int, v SparseEmbedding) { into[at[row]].Sparse = v })
	}
	if c := p.ColBERT; c != nil {
		dims, first, flat := int(c.Dims), int(c.First), float32s(c.Data)
		for i := range int(c.Count) {
			if failed[first+i] {
				continue
			}
			row := &into[at[first+i]].ColBERT
			from, to := int(wire.Uint32At(c.Offsets, i)), int(wire.Uint32At(c.Offsets, i+1))
			*row = slices.Grow(*row, to-from)
			for v := from; v < to; v++ {
				*row = append(*row, flat[v*dims:(v+1)*dims:(v+1)*dims])
			}
		}
	}
}
