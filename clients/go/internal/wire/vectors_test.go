package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vectorsDir holds the bytes both implementations of the protocol agree on.
const vectorsDir = "../../../../schemas/vectors"

type vector struct {
	File        string
	Document    string
	Canonical   bool
	ReencodesTo string `json:"reencodes_to"`
	JSON        string
	Error       string
}

type manifest struct {
	Valid     []vector
	Rejecting []vector
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(vectorsDir, filepath.FromSlash(name)))
	if err != nil {
		tb.Fatalf("the shared vectors are part of the repository: %v", err)
	}
	return b
}

func readManifest(tb testing.TB) manifest {
	tb.Helper()
	var m manifest
	if err := json.Unmarshal(read(tb, "manifest.json"), &m); err != nil {
		tb.Fatal(err)
	}
	if len(m.Valid) < 50 || len(m.Rejecting) < 50 {
		tb.Fatalf("the manifest lists %d valid and %d rejecting vectors", len(m.Valid), len(m.Rejecting))
	}
	return m
}

// document ties a name of the manifest to what reads and writes it.
type document struct {
	decode func([]byte) (any, error)
	encode func(any) []byte
}

func of[T any](decode func([]byte) (*T, error), encode func([]byte, *T) []byte) document {
	return document{
		decode: func(b []byte) (any, error) {
			t, err := decode(b)
			if err != nil {
				return nil, err
			}
			return t, nil
		},
		encode: func(t any) []byte { return encode(nil, t.(*T)) },
	}
}

var documents = map[string]document{
	"text-request":   of(DecodeTextRequest, AppendTextRequest),
	"text-reply":     of(DecodeTextReply, AppendTextReply),
	"info-request":   of(DecodeInfoRequest, AppendInfoRequest),
	"info-reply":     of(DecodeInfoReply, AppendInfoReply),
	"error-reply":    of(DecodeErrorReply, AppendErrorReply),
	"alive-frame":    of(DecodeAliveFrame, AppendAliveFrame),
	"cancel-request": of(DecodeCancelRequest, AppendCancelRequest),
	"admin-request":  of(DecodeAdminRequest, AppendAdminRequest),
	"admin-reply":    of(DecodeAdminReply, AppendAdminReply),
	"sparse-request": of(DecodeSparseRequest, AppendSparseRequest),
	"sparse-reply":   of(DecodeSparseReply, AppendSparseReply),
	"image-request":  of(DecodeImageRequest, AppendImageRequest),
	"image-reply":    of(DecodeImageReply, AppendImageReply),
	"rerank-request": of(DecodeRerankRequest, AppendRerankRequest),
	"rerank-reply":   of(DecodeRerankReply, AppendRerankReply),
	"joint-request":  of(DecodeJointRequest, AppendJointRequest),
	"joint-reply":    of(DecodeJointReply, AppendJointReply),
}

func TestEveryDocumentHasVectors(t *testing.T) {
	m := readManifest(t)
	for name := range documents {
		is := func(v vector) bool { return v.Document == name }
		if !slices.ContainsFunc(m.Valid, is) || !slices.ContainsFunc(m.Rejecting, is) {
			t.Errorf("%s lacks valid or rejecting vectors", name)
		}
	}
}

func TestValidVectorsDecodeToTheirJSONTwins(t *testing.T) {
	for _, v := range readManifest(t).Valid {
		t.Run(strings.TrimSuffix(v.File, ".msgpack"), func(t *testing.T) {
			doc, err := documents[v.Document].decode(read(t, v.File))
			if err != nil {
				t.Fatal(err)
			}
			var want any
			d := json.NewDecoder(bytes.NewReader(read(t, v.JSON)))
			d.UseNumber()
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if got := plain(t, doc); !same(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestValidVectorsEncodeToTheirCanonicalBytes(t *testing.T) {
	for _, v := range readManifest(t).Valid {
		t.Run(strings.TrimSuffix(v.File, ".msgpack"), func(t *testing.T) {
			d := documents[v.Document]
			doc, err := d.decode(read(t, v.File))
			if err != nil {
				t.Fatal(err)
			}
			target := v.File
			if !v.Canonical {
				target = v.ReencodesTo
			}
			if got, want := d.encode(doc), read(t, target); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

func TestRejectingVectorsAreRefusedWithTheirError(t *testing.T) {
	for _, v := range readManifest(t).Rejecting {
		t.Run(strings.TrimSuffix(v.File, ".msgpack"), func(t *testing.T) {
			doc, err := documents[v.Document].decode(read(t, v.File))
			if err == nil {
				t.Fatalf("accepted as %+v", doc)
			}
			var refusal *DecodeError
			if !errors.As(err, &refusal) || refusal.Code.Name != v.Error {
				t.Errorf("got %v, want %s", err, v.Error)
			}
			if len(err.Error()) > 512 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

// plain turns a document into what its JSON twin decodes to, but for numbers,
// which [same] compares. It goes by the struct's values, not by its bytes.
func plain(t *testing.T, doc any) any {
	t.Helper()
	out := map[string]any{}
	put := func(key string, present bool, value func() any) {
		if present {
			out[key] = value()
		}
	}
	switch d := doc.(type) {
	case *InfoRequest:
	case *CancelRequest:
		out["attempts"] = list(d.Attempts)
	case *AdminRequest:
		out["op"], out["model"] = d.Op, d.Model
		put("instance", d.Instance != nil, func() any { return *d.Instance })
	case *AdminReply:
		out["instance"], out["op"], out["model"], out["state"] = d.Instance, d.Op, d.Model, d.State
		put("space", d.Space != nil, func() any { return *d.Space })
	case *TextRequest:
		out["inputs"] = list(d.Inputs)
		put("truncate", d.Truncate != nil, func() any { return *d.Truncate })
		put("normalize", d.Normalize != nil, func() any { return *d.Normalize })
		put("dimensions", d.Dimensions != nil, func() any { return *d.Dimensions })
		put("prompt", d.Prompt != nil, func() any { return *d.Prompt })
		put("encoding", d.Encoding != nil, func() any { return *d.Encoding })
		put("space", d.Space != nil, func() any { return *d.Space })
		put("meta", d.Meta != nil, func() any { return freeValue(t, d.Meta) })
	case *ErrorReply:
		out["code"], out["name"], out["message"], out["retry"] = d.Code, d.Name, d.Message, d.Retry
		put("retry_after_ms", d.RetryAfterMs != nil, func() any { return *d.RetryAfterMs })
		put("limit", d.Limit != nil, func() any { return *d.Limit })
	case *AliveFrame:
		out["alive"], out["instance"] = d.Alive, d.Instance
	case *InfoReply:
		l := d.Limits
		out = map[string]any{
			"op": d.Op, "model": d.Model, "space": d.Space, "instance": d.Instance, "version": d.Version,
			"max_tokens": d.MaxTokens, "pooling": d.Pooling, "normalized": d.Normalized,
			"encodings": list(d.Encodings), "features": list(d.Features), "prompts": list(d.Prompts),
			"aliases": list(d.Aliases), "license": d.License, "source": d.Source,
			"limits": map[string]any{
				"max_inputs": l.MaxInputs, "max_input_bytes": l.MaxInputBytes, "max_meta_bytes": l.MaxMetaBytes,
				"max_part_bytes": l.MaxPartBytes, "default_timeout_ms": l.DefaultTimeoutMs, "max_timeout_ms": l.MaxTimeoutMs,
			},
		}
		put("dimensions", d.Dimensions > 0, func() any { return d.Dimensions })
		put("matryoshka", len(d.Matryoshka) > 0, func() any { return list(d.Matryoshka) })
		put("outputs", d.Outputs != nil, func() any { return list(d.Outputs) })
		put("score_kind", d.ScoreKind != nil, func() any { return *d.ScoreKind })
		put("images", d.Images != nil, func() any {
			l := d.Images
			return map[string]any{
				"max_images": l.MaxImages, "max_image_bytes": l.MaxImageBytes, "max_image_megapixels": l.MaxImageMegapixels,
			}
		})
	case *TextReply:
		out = plainReply(t, &d.Reply)
		out["embeddings"] = plainVectors(&d.Embeddings)
	case *SparseRequest, *ImageRequest, *RerankRequest, *JointRequest:
		return plainKindRequest(t, d)
	case *SparseReply, *ImageReply, *RerankReply, *JointReply:
		return plainKindReply(t, d)
	default:
		t.Fatalf("no plain form of %T", doc)
	}
	return out
}

func plainVectors(v *VectorBlock) any {
	out := map[string]any{"dtype": v.Dtype, "dims": v.Dims, "count": v.Count, "first": v.First}
	if v.Dtype != EncodingArray {
		out["data"] = base64.StdEncoding.EncodeToString(v.Data)
		return out
	}
	rows := []any{}
	for i := range v.Count {
		rows = append(rows, list(v.Rows[i*v.Dims:(i+1)*v.Dims]))
	}
	out["rows"] = rows
	return out
}

func list[T any](values []T) any {
	out := []any{}
	for _, v := range values {
		out = append(out, v)
	}
	return out
}
