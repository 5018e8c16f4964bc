package wire

import (
	"encoding/base64"
	"testing"
)

// plainKindRequest is [plain] of the requests that are not of text.
func plainKindRequest(t *testing.T, doc any) any {
	t.Helper()
	out := map[string]any{}
	option := func(key string, value any, absent bool) {
		if !absent {
			out[key] = value
		}
	}
	var space *string
	var meta []byte
	switch d := doc.(type) {
	case *SparseRequest:
		out["inputs"], space, meta = list(d.Inputs), d.Space, d.Meta
		option("truncate", deref(d.Truncate), d.Truncate == nil)
		option("query", deref(d.Query), d.Query == nil)
	case *ImageRequest:
		space, meta = d.Space, d.Meta
		images, objects := []any{}, []any{}
		for _, image := range d.Images {
			images = append(images, base64.StdEncoding.EncodeToString(image))
		}
		for _, o := range d.Objects {
			objects = append(objects, map[string]any{"bucket": o.Bucket, "name": o.Name})
		}
		option("images", images, d.Images == nil)
		option("objects", objects, d.Objects == nil)
		option("encoding", deref(d.Encoding), d.Encoding == nil)
		option("normalize", deref(d.Normalize), d.Normalize == nil)
		option("dimensions", deref(d.Dimensions), d.Dimensions == nil)
	case *RerankRequest:
		out["query"], out["documents"], space, meta = d.Query, list(d.Documents), d.Space, d.Meta
		option("top_n", deref(d.TopN), d.TopN == nil)
		option("return_documents", deref(d.ReturnDocuments), d.ReturnDocuments == nil)
		option("raw_scores", deref(d.RawScores), d.RawScores == nil)
		option("truncate", deref(d.Truncate), d.Truncate == nil)
	case *JointRequest:
		out["inputs"], space, meta = list(d.Inputs), d.Space, d.Meta
		option("truncate", deref(d.Truncate), d.Truncate == nil)
		option("outputs", list(d.Outputs), d.Outputs == nil)
	}
	option("space", deref(space), space == nil)
	if meta != nil {
		out["meta"] = freeValue(t, meta)
	}
	return out
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// plainKindReply is [plain] of the replies that are not of text.
func plainKindReply(t *testing.T, doc any) any {
	t.Helper()
	switch d := doc.(type) {
	case *SparseReply:
		out := plainReply(t, &d.Reply)
		out["sparse"] = plainSparse(&d.Sparse)
		return out
	case *ImageReply:
		out := plainReply(t, &d.Reply)
		out["embeddings"] = plainVectors(&d.Embeddings)
		return out
	case *RerankReply:
		out, results := plainReply(t, &d.Reply), []any{}
		for _, s := range d.Results {
			result := map[string]any{"index": s.Index, "score": s.Score}
			if s.Document != nil {
				result["document"] = *s.Document
			}
			results = append(results, result)
		}
		out["results"], out["score_kind"] = results, d.ScoreKind
		return out
	case *JointReply:
		out := plainReply(t, &d.Reply)
		if d.Embeddings != nil {
			out["embeddings"] = plainVectors(d.Embeddings)
		}
		if d.Sparse != nil {
			out["sparse"] = plainSparse(d.Sparse)
		}
		if c := d.ColBERT; c != nil {
			block := map[string]any{
				"dims": c.Dims, "count": c.Count, "first": c.First,
				"offsets": base64.StdEncoding.EncodeToString(c.Offsets), "data": base64.StdEncoding.EncodeToString(c.Data),
			}
			if c.From > 0 {
				block["from"] = c.From
			}
			out["colbert"] = block
		}
		return out
	}
	t.Fatalf("no plain form of %T", doc)
	return nil
}

func plainSparse(s *SparseBlock) any {
	return map[string]any{
		"count": s.Count, "first": s.First, "offsets": base64.StdEncoding.EncodeToString(s.Offsets),
		"indices": base64.StdEncoding.EncodeToString(s.Indices), "values": base64.StdEncoding.EncodeToString(s.Values),
	}
}

// plainReply is what all replies have.
func plainReply(t *testing.T, d *Reply) map[string]any {
	t.Helper()
	us := d.TimingsUs
	out := map[string]any{
		"model": d.Model, "space": d.Space, "instance": d.Instance,
		"timings_us": map[string]any{
			"wait": us.Wait, "tokenize": us.Tokenize, "queue": us.Queue, "infer": us.Infer, "total": us.Total,
		},
	}
	if d.Tokens != nil {
		out["tokens"], out["truncated"] = list(d.Tokens), list(d.Truncated)
	}
	if len(d.Errors) > 0 {
		var items []any
		for _, e := range d.Errors {
			items = append(items, map[string]any{"index": e.Index, "code": e.Code, "name": e.Name, "message": e.Message})
		}
		out["errors"] = items
	}
	if d.Meta != nil {
		out["meta"] = freeValue(t, d.Meta)
	}
	return out
}
