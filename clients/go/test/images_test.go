package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

const mostImageBytes = 40_000

// startImages answers as a worker that reads what begins with "image".
func startImages(t *testing.T, s *server) (*fake, *fastembed.ImageEmbedding) {
	t.Helper()
	f := startFake(t, s, func(_ int, q *question) {
		doc := must(t, wire.DecodeImageRequest, q)
		r := q.vectorsOfImages(doc)
		for i, image := range doc.Images {
			if !bytes.HasPrefix(image, []byte("image")) {
				clear(r.Embeddings.Data[32*i : 32*(i+1)])
				r.Errors = append(r.Errors, wire.ItemError{Index: uint32(i), Code: 400, Name: "invalid_request", Message: "not an image"})
			}
		}
		if len(doc.Images) > 0 && len(r.Errors) == len(doc.Images) {
			q.refuse(wire.CodeInvalidRequest, nil)
			return
		}
		q.parts(wire.AppendImageReply(nil, r))
	}, ofOp(wire.OpImage, func(i *wire.InfoReply) {
		i.Images = &wire.ImageLimits{MaxImages: 5, MaxImageBytes: mostImageBytes, MaxImageMegapixels: 50}
	}))
	model, err := newClient(t, s).NewImageEmbedding(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	return f, model
}

func images(n int) (list [][]byte, names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("image number ", i))
		list = append(list, []byte(names[i]))
	}
	return list, names
}

func TestImagesThatCannotBeReadFailAlone(t *testing.T) {
	s := startServer(t, 1<<16)
	f, model := startImages(t, s)
	for _, batch := range []int{0, 1, 2, 100} {
		list, names := images(23)
		bad := []int{0, 4, 8, 9, 22}
		for _, i := range bad {
			list[i] = []byte("no picture")
		}
		list[4] = append([]byte("image"), make([]byte, mostImageBytes)...)
		result, err := model.EmbedDetailed(background(t), list, batch)
		if got := failed(t, err); !slices.Equal(got, bad) {
			t.Fatalf("batch %d: images %v failed: %v", batch, got, err)
		}
		var e *fastembed.BatchError
		errors.As(err, &e)
		if !errors.Is(e.Items[0], fastembed.ErrInvalidRequest) || !errors.Is(e.Items[1], fastembed.ErrPayloadTooLarge) || e.Items[1].Err.Limit != mostImageBytes {
			t.Errorf("got %v", e.Items)
		}
		for i := range list {
			if slices.Contains(bad, i) != (result.Vectors[i] == nil) {
				t.Errorf("image %d: %v", i, result.Vectors[i])
			} else if result.Vectors[i] != nil && !slices.Equal(result.Vectors[i], vector(names[i], f.dims)) {
				t.Errorf("the vector of image %d is not its own", i)
			}
		}
	}
	for _, q := range f.questions() {
		if n := len(must(t, wire.DecodeImageRequest, q).Images); n > 5 {
			t.Errorf("a request has %d images", n)
		}
	}
}

func TestFilesAndReadersAndObjectsAreImages(t *testing.T) {
	s := startServer(t, 1<<20)
	f, model := startImages(t, s)
	dir := t.TempDir()
	list, names := images(8)
	var paths []string
	var readers []io.Reader
	for i, image := range list {
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(paths[i], image, 0o600); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, bytes.NewReader(image))
	}
	vectors, err := model.EmbedFiles(background(t), paths)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, names, vectors, f.dims)

	paths[2] = filepath.Join(dir, "missing")
	if vectors, err = model.EmbedFiles(background(t), paths); !slices.Equal(failed(t, err), []int{2}) {
		t.Fatal(err)
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, fastembed.ErrInvalidRequest) || vectors[2] != nil || vectors[3] == nil {
		t.Errorf("got %v", err)
	}

	broken := errors.New("the line broke")
	readers[3] = iotest.ErrReader(broken)
	readers[5] = io.LimitReader(endless{}, 10*mostImageBytes)
	vectors, err = model.EmbedReaders(background(t), readers)
	if !slices.Equal(failed(t, err), []int{3, 5}) || !errors.Is(err, broken) || !errors.Is(err, fastembed.ErrPayloadTooLarge) {
		t.Fatalf("got %v", err)
	}
	if vectors[3] != nil || !slices.Equal(vectors[7], vector(names[7], f.dims)) {
		t.Error("the wrong vector is missing")
	}

	var objects []fastembed.ImageObject
	var places []string
	for i := range 12 {
		objects = append(objects, fastembed.ImageObject{Bucket: "pictures", Name: fmt.Sprint(i, ".png")})
		places = append(places, fmt.Sprint("pictures/", i, ".png"))
	}
	result, err := model.EmbedObjects(background(t), objects, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, places, result.Vectors, f.dims)
	if _, err := model.EmbedFiles(background(t), nil); !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Errorf("no files: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
