package wire

import (
	"slices"
	"strings"
)

// ObjectRef names an object in a bucket of the bus's object store.
type ObjectRef struct {
	Bucket string
	Name   string
}

// ImageRequest asks for one vector for each of its 1 to [MaxImages] images, of
// which it has either the bytes or the places. A nil pointer is a key that is
// absent and means its default.
type ImageRequest struct {
	Images     [][]byte    // encoded images; nil when absent
	Objects    []ObjectRef // nil when absent
	Encoding   *string     // default [EncodingF32]
	Normalize  *bool       // default true
	Dimensions *uint32     // at least 1; default the model's own
	Space      *string     // default any
	Meta       []byte      // an encoded map, echoed byte for byte; nil when absent
}

// AppendImageRequest appends the canonical bytes of the request.
func AppendImageRequest(b []byte, q *ImageRequest) []byte {
	b = appendMapHeader(b, count(0, q.Images != nil, q.Objects != nil, q.Encoding != nil, q.Normalize != nil,
		q.Dimensions != nil, q.Space != nil, q.Meta != nil))
	if q.Images != nil {
		b = appendArrayHeader(appendStr(b, "images"), len(q.Images))
		for _, image := range q.Images {
			b = appendBin(b, image)
		}
	}
	if q.Objects != nil {
		b = appendArrayHeader(appendStr(b, "objects"), len(q.Objects))
		for _, o := range q.Objects {
			b = appendMapHeader(b, 2)
			b = appendStr(appendStr(b, "bucket"), o.Bucket)
			b = appendStr(appendStr(b, "name"), o.Name)
		}
	}
	b = appendOption(b, "encoding", q.Encoding, appendStr)
	b = appendOption(b, "normalize", q.Normalize, appendBool)
	b = appendOption(b, "dimensions", q.Dimensions, appendUint32)
	b = appendOption(b, "space", q.Space, appendStr)
	return appendMeta(b, q.Meta)
}

// ObjectSize is the encoded size of a reference.
func ObjectSize(o ObjectRef) int {
	return 1 + StrSize(len("bucket")) + StrSize(len(o.Bucket)) + StrSize(len("name")) + StrSize(len(o.Name))
}

// DecodeImageRequest reads a request; images and Meta stay in place in b. Its
// error is a *[DecodeError].
func DecodeImageRequest(b []byte) (*ImageRequest, error) {
	q := &ImageRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"images", false, func() { q.Images = r.images() }},
			{"objects", false, func() { q.Objects = r.objects() }},
			{"encoding", false, func() { q.Encoding = ptr(r.encoding()) }},
			{"normalize", false, func() { q.Normalize = ptr(r.bool()) }},
			{"dimensions", false, func() { q.Dimensions = ptr(r.positive()) }},
			{"space", false, func() { q.Space = ptr(r.str()) }},
			{"meta", false, func() { q.Meta = r.meta() }},
		})
		if (q.Images == nil) == (q.Objects == nil) {
			r.fail("exactly one of images and objects is needed")
		}
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// imageEntries returns the length of a list of images.
func (r *reader) imageEntries() int {
	n := r.arrayLen()
	switch {
	case n > MaxImages:
		r.fail("%s has %d entries, above %d", r.key, n, MaxImages)
		return 0
	case n == 0:
		r.fail("%s is empty", r.key)
	}
	return n
}

func (r *reader) images() [][]byte {
	list := make([][]byte, r.imageEntries())
	for i := range list {
		list[i] = r.bin()
	}
	return list
}

func (r *reader) objects() []ObjectRef {
	list := make([]ObjectRef, r.imageEntries())
	for i := range list {
		o := &list[i]
		r.fields("objects.", true, []field{
			{"bucket", true, func() { o.Bucket = r.str() }},
			{"name", true, func() { o.Name = r.str() }},
		})
	}
	return list
}

func (r *reader) encoding() string {
	name := r.str()
	if !slices.Contains(Encodings, name) {
		r.fail("encoding is %s; known are %s", quote([]byte(name)), strings.Join(Encodings, ", "))
	}
	return name
}

func (r *reader) positive() uint32 {
	n := r.uint32()
	if n == 0 {
		r.fail("%s is 0, below 1", r.key)
	}
	return n
}

// ImageReply is a whole reply, or one part of it. Images have no tokens.
type ImageReply struct {
	Reply
	Embeddings VectorBlock
}

// Span says which rows of the result the reply holds.
func (t *ImageReply) Span() (first, count uint32) { return t.Embeddings.First, t.Embeddings.Count }

// AppendImageReply appends the canonical bytes of the reply.
func AppendImageReply(b []byte, t *ImageReply) []byte {
	b = t.appendHead(b, 1)
	b = appendVectors(appendStr(b, "embeddings"), &t.Embeddings)
	return t.appendTail(b)
}

// DecodeImageReply reads a reply or a part of one; Data and Meta stay in place
// in b. Its error is a *[DecodeError].
func DecodeImageReply(b []byte) (*ImageReply, error) {
	t := &ImageReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, field{"embeddings", true, func() { r.vectors(&t.Embeddings) }})
		// Rows of no numbers take no bytes that would bound them.
		if t.Embeddings.Count > MaxImages {
			r.fail("embeddings.count is %d, above %d", t.Embeddings.Count, MaxImages)
		}
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}
