package fastembed

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// EmbedFiles is [ImageEmbedding.Embed] of files. All are read before the first is
// sent, each up to [Limits].MaxImageBytes: of very many, give some at a time. A
// file that cannot be opened or read fails alone, with an [ErrInvalidRequest] that
// matches the cause too, such as [io/fs.ErrNotExist]; one that is beyond the server's
// max_payload fails alone with [ErrPayloadTooLarge]: see [ImageEmbedding.EmbedObjects].
func (m *ImageEmbedding) EmbedFiles(ctx context.Context, paths []string, opts ...EmbedOption) ([][]float32, error) {
	return m.embedRead(ctx, len(paths), func(i int) ([]byte, error) {
		file, err := os.Open(paths[i])
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		return m.readImage(file)
	}, opts)
}

// EmbedReaders is [ImageEmbedding.EmbedFiles] of readers, each of which holds one
// image. They are read one after the other, and not closed.
func (m *ImageEmbedding) EmbedReaders(ctx context.Context, readers []io.Reader, opts ...EmbedOption) ([][]float32, error) {
	return m.embedRead(ctx, len(readers), func(i int) ([]byte, error) { return m.readImage(readers[i]) }, opts)
}

// embedRead embeds n images that read returns, until the context ends.
func (m *ImageEmbedding) embedRead(ctx context.Context, n int, read func(i int) ([]byte, error), opts []EmbedOption) ([][]float32, error) {
	if _, err := m.begin(n, 0, opts); err != nil {
		return nil, err
	}
	in := imageInputs{images: make([][]byte, n), broken: make([]*Error, n)}
	for i := range n {
		if ctx.Err() != nil {
			return nil, contextError(ctx, nil)
		}
		image, err := read(i)
		if err != nil && !errors.As(err, &in.broken[i]) {
			in.broken[i] = newError(wire.CodeInvalidRequest, "the image cannot be read: %v", err).because(err)
		}
		in.images[i] = image
	}
	result, err := m.dense(ctx, in, 0, opts)
	if result == nil {
		return nil, err
	}
	return result.Vectors, err
}

// readImage reads no more than an image may have.
func (m *ImageEmbedding) readImage(from io.Reader) ([]byte, error) {
	most := m.info.Limits.MaxImageBytes
	image, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if err == nil && len(image) > most {
		e := newError(wire.CodePayloadTooLarge, "the image has more than %d bytes", most)
		e.Limit = uint64(most)
		return nil, e
	}
	return image, err
}
