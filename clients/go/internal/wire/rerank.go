package wire

import (
	"slices"
	"strings"
)

// RerankRequest asks how well each of 1 to [MaxInputs] documents answers a
// query. A nil pointer is a key that is absent and means its default.
type RerankRequest struct {
	Query           string
	Documents       []string
	TopN            *uint32 // at least 1; default all
	ReturnDocuments *bool   // default false
	RawScores       *bool   // default false
	Truncate        *bool   // default true
	Space           *string // default any
	Meta            []byte  // an encoded map, echoed byte for byte; nil when absent
}

// AppendRerankRequest appends the canonical bytes of the request.
func AppendRerankRequest(b []byte, q *RerankRequest) []byte {
	b = appendMapHeader(b, count(2, q.TopN != nil, q.ReturnDocuments != nil, q.RawScores != nil, q.Truncate != nil,
		q.Space != nil, q.Meta != nil))
	b = appendStr(appendStr(b, "query"), q.Query)
	b = appendStrs(appendStr(b, "documents"), q.Documents)
	b = appendOption(b, "top_n", q.TopN, appendUint32)
	b = appendOption(b, "return_documents", q.ReturnDocuments, appendBool)
	b = appendOption(b, "raw_scores", q.RawScores, appendBool)
	b = appendOption(b, "truncate", q.Truncate, appendBool)
	b = appendOption(b, "space", q.Space, appendStr)
	return appendMeta(b, q.Meta)
}

// DecodeRerankRequest reads a request; Meta stays in place in b. Its error is a
// *[DecodeError].
func DecodeRerankRequest(b []byte) (*RerankRequest, error) {
	q := &RerankRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"query", true, func() { q.Query = r.str() }},
			{"documents", true, func() { q.Documents = r.inputs() }},
			{"top_n", false, func() { q.TopN = ptr(r.positive()) }},
			{"return_documents", false, func() { q.ReturnDocuments = ptr(r.bool()) }},
			{"raw_scores", false, func() { q.RawScores = ptr(r.bool()) }},
			{"truncate", false, func() { q.Truncate = ptr(r.bool()) }},
			{"space", false, func() { q.Space = ptr(r.str()) }},
			{"meta", false, func() { q.Meta = r.meta() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Score is how well one document of the request answers its query.
type Score struct {
	Index    uint32
	Score    float32
	Document *string
}

// RerankReply is a whole reply: rerankings come in one part. Tokens and
// Truncated have an entry for each document of the request, in its order.
type RerankReply struct {
	Reply
	Results   []Score // best first, without documents that failed
	ScoreKind string  // one of [ScoreKinds]
}

// Span says which documents of the request the reply is about: all.
func (t *RerankReply) Span() (first, count uint32) { return 0, uint32(len(t.Tokens)) }

// AppendRerankReply appends the canonical bytes of the reply.
func AppendRerankReply(b []byte, t *RerankReply) []byte {
	b = t.appendHead(b, 4)
	b = appendArrayHeader(appendStr(b, "results"), len(t.Results))
	for _, s := range t.Results {
		b = appendMapHeader(b, count(2, s.Document != nil))
		b = appendUint(appendStr(b, "index"), uint64(s.Index))
		b = appendFloat32(appendStr(b, "score"), s.Score)
		b = appendOption(b, "document", s.Document, appendStr)
	}
	b = appendStr(appendStr(b, "score_kind"), t.ScoreKind)
	return t.appendTail(t.appendTokens(b))
}

// DecodeRerankReply reads a reply; Meta stays in place in b. Its error is a
// *[DecodeError].
func DecodeRerankReply(b []byte) (*RerankReply, error) {
	t := &RerankReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, r.ofTexts(&t.Reply, true,
			field{"results", true, func() { t.Results = r.scores() }},
			field{"score_kind", true, func() { t.ScoreKind = r.scoreKind() }})...)
		r.counts(&t.Reply, uint32(len(t.Tokens)))
		r.ranking(t.Results, len(t.Tokens))
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (r *reader) scores() []Score {
	list := make([]Score, r.entries())
	var s Score
	fields := []field{
		{"index", true, func() { s.Index = r.uint32() }},
		{"score", true, func() { s.Score = r.float32() }},
		{"document", false, func() { s.Document = ptr(r.str()) }},
	}
	for i := range list {
		s = Score{}
		if r.fields("results.", false, fields); r.err != nil {
			return nil
		}
		list[i] = s
	}
	return list
}

func (r *reader) scoreKind() string {
	kind := r.str()
	if !slices.Contains(ScoreKinds, kind) {
		r.fail("score_kind is %s; known are %s", quote([]byte(kind)), strings.Join(ScoreKinds, ", "))
	}
	return kind
}

// ranking checks that results are of documents that exist, each once, and stand
// best first, those of one score by index.
func (r *reader) ranking(results []Score, documents int) {
	seen := make([]bool, documents)
	for i, s := range results {
		if r.err != nil {
			return
		}
		if int64(s.Index) >= int64(documents) || seen[s.Index] {
			r.fail("results.index %d is twice there, or above the %d documents", s.Index, documents)
			return
		}
		seen[s.Index] = true
		if i > 0 {
			if before := results[i-1]; s.Score > before.Score || s.Score == before.Score && s.Index < before.Index {
				r.fail("result %d stands behind a worse one", i)
			}
		}
	}
}
