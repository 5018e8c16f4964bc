package fastembed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// TextRerank puts documents in the order in which they answer a query, with one
// model of the fleet. It is safe for concurrent use.
type TextRerank struct{ model }

// ScoreKind is what the scores of a reranking are. Those of different kinds, or
// of different models, cannot be compared.
type ScoreKind string

const (
	// ScoreSigmoid is a cross-encoder's score from 0 to 1.
	ScoreSigmoid ScoreKind = wire.ScoreKindSigmoid
	// ScoreLogit is a cross-encoder's score as the model gives it, any number; see
	// [WithRawScores].
	ScoreLogit ScoreKind = wire.ScoreKindLogit
	// ScoreCosine is the cosine of query and document, -1 to 1, where the model is
	// one of text embeddings.
	ScoreCosine ScoreKind = wire.ScoreKindCosine
)

// RerankResult is one document in its place.
type RerankResult struct {
	// Index is the position of the document in the caller's slice.
	Index int
	// Score says how well it answers the query: more is better.
	Score float32
	// Document is the document itself, out of the caller's slice.
	Document string
}

// Reranking is the result of [TextRerank.RerankDetailed].
type Reranking struct {
	// Results are the documents, best first, those of one score by index. Documents
	// that failed are left out.
	Results []RerankResult
	// ScoreKind is what the scores are.
	ScoreKind ScoreKind
	// TokenCounts are those of the pairs of query and document, or of the documents
	// where scores are cosines, in the order of the call.
	TokenCounts
	Details
}

// NewTextRerank asks the fleet for a reranker, such as "BGERerankerBase". A text
// embedding model's name serves as well, where its workers offer that: documents
// are then ranked by the cosine of their vectors ([ScoreCosine]), which are those of
// [TextEmbedding.QueryEmbed] and [TextEmbedding.PassageEmbed]. All else is as
// with [Client.NewTextEmbedding].
func (c *Client) NewTextRerank(ctx context.Context, name string, opts ...EmbedOption) (*TextRerank, error) {
	t := &TextRerank{}
	if err := c.open(ctx, &t.model, wire.OpRerank, name, optTruncate|optTopN|optRawScores, opts); err != nil {
		return nil, err
	}
	return t, nil
}

// Rerank returns the documents in the order in which they answer the query, best
// first, or the best of them ([WithTopN]).
//
// batchSize is the most documents in one request; 0 leaves the choice to the
// client. Many or large documents are split into several requests, so that the
// whole fleet works on one call, and the answers are merged: that is correct only
// because a score depends on its query and document alone, and all requests are
// answered in one space. Documents are not sent back.
//
// If some documents fail they are left out, and the error is a *[BatchError]
// beside the results of the others. Other errors are those of
// [TextEmbedding.Embed]; a query that no request can carry is an
// [ErrPayloadTooLarge].
func (t *TextRerank) Rerank(ctx context.Context, query string, documents []string, batchSize int, opts ...EmbedOption) ([]RerankResult, error) {
	result, err := t.RerankDetailed(ctx, query, documents, batchSize, opts...)
	if result == nil {
		return nil, err
	}
	return result.Results, err
}

// RerankDetailed is [TextRerank.Rerank] with the kind of the scores, token counts,
// origin and timings. The result is nil exactly when the call as a whole failed.
func (t *TextRerank) RerankDetailed(ctx context.Context, query string, documents []string, batchSize int, opts ...EmbedOption) (*Reranking, error) {
	o, err := t.begin(len(documents), batchSize, opts)
	if err != nil {
		return nil, err
	}
	if err := t.refuseQuery(query); err != nil {
		return nil, err
	}
	result := &Reranking{TokenCounts: newTokenCounts(len(documents))}
	doc := wire.RerankRequest{Query: query, RawScores: o.raw, Truncate: o.truncate, Space: &t.info.Space}
	if o.topN > 0 {
		doc.TopN = topN(o.topN, t.info.Limits.MaxInputs)
	}
	r := &run[*wire.RerankReply]{
		model: &t.model, space: t.info.Space, tokens: &result.TokenCounts, rowBytes: 0,
		encode: func(at chunk) []byte {
			doc := doc
			doc.Documents = pick(documents, at)
			if o.topN > 0 {
				// The best of all are among the best of each request.
				doc.TopN = topN(o.topN, len(at))
			}
			return wire.AppendRerankRequest(nil, &doc)
		},
		decode: wire.DecodeRerankReply,
		check: func(p *wire.RerankReply, a *assembly[*wire.RerankReply]) error {
			return checkRanking(p, a, o)
		},
		file: func(p *wire.RerankReply, at chunk, _ []bool) error { return result.add(p, at, documents) },
	}
	fixed := len(wire.AppendRerankRequest(nil, &doc))
	details, err := r.do(ctx, func(bodyBytes int) ([]chunk, []ItemError) {
		return split(len(documents), measureTexts(documents), bounds{
			items:     batch(batchSize, defaultBatch, t.info.Limits.MaxInputs),
			itemBytes: t.info.Limits.MaxInputBytes,
			bodyBytes: bodyBytes,
			fullBytes: wire.QueueMaxTokens / 4,
			besides:   len(query), // a cross-encoder reads it with each document
			fixed:     fixed + arrayHeader,
		})
	})
	if details == nil {
		return nil, err
	}
	result.Details = *details
	slices.SortFunc(result.Results, func(x, y RerankResult) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(x.Index, y.Index))
	})
	if o.topN > 0 {
		result.Results = result.Results[:min(o.topN, len(result.Results))]
	}
	return result, err
}

func topN(wish, documents int) *uint32 {
	n := uint32(min(wish, documents))
	return &n
}

// refuseQuery returns why no request can have the query, or nil.
func (t *TextRerank) refuseQuery(query string) error {
	most := t.info.Limits.MaxInputBytes
	switch {
	case !utf8.ValidString(query):
		return newError(wire.CodeInvalidRequest, "the query is not valid UTF-8")
	case len(query) > most:
		e := newError(wire.CodePayloadTooLarge, "the query has %d bytes, a request carries %d", len(query), most)
		e.Limit = uint64(most)
		return e
	default:
		return nil
	}
}

// checkRanking compares an answer with what was asked for.
func checkRanking(p *wire.RerankReply, a *assembly[*wire.RerankReply], o embedOptions) error {
	raw := o.raw != nil && *o.raw
	want := a.rows - len(p.Errors)
	if o.topN > 0 {
		want = min(want, o.topN)
	}
	switch {
	case len(p.Results) != want:
		return fmt.Errorf("it has %d results, not %d", len(p.Results), want)
	case raw && p.ScoreKind == wire.ScoreKindSigmoid, !raw && p.ScoreKind == wire.ScoreKindLogit:
		return fmt.Errorf("its scores are %q, with raw scores %v", p.ScoreKind, raw)
	}
	for _, s := range p.Results {
		if a.failed[s.Index] {
			return fmt.Errorf("document %d has a result, and failed", s.Index)
		}
	}
	return nil
}

// add files the results of one request.
func (r *Reranking) add(p *wire.RerankReply, at chunk, documents []string) error {
	kind := ScoreKind(p.ScoreKind)
	if r.ScoreKind != "" && r.ScoreKind != kind {
		return newError(wire.CodeInternal, "one request was answered with scores %q, another with %q", r.ScoreKind, kind)
	}
	r.ScoreKind = kind
	for _, s := range p.Results {
		index := at[s.Index]
		r.Results = append(r.Results, RerankResult{Index: index, Score: s.Score, Document: documents[index]})
	}
	return nil
}
