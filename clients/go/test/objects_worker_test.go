package test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// objects puts pictures into a bucket and has a worker read them there.
func objects(t *testing.T, s *server, client *fastembed.Client, pictures string) {
	ctx := background(t)
	js, err := jetstream.New(connectAt(t, s.url(), "watcher"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "images"})
	if err != nil {
		t.Fatal(err)
	}
	model, err := client.NewImageEmbedding(ctx, "ClipVitB32")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(model.Info().Features, "objects") {
		t.Errorf("features are %q", model.Info().Features)
	}
	files, err := filepath.Glob(filepath.Join(pictures, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d pictures: %v", len(files), err)
	}
	var places []fastembed.ImageObject
	for i, file := range files {
		picture, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, fastembed.ImageObject{Bucket: "images", Name: fmt.Sprintf("a picture/%d ü", i)})
		if _, err := store.PutBytes(ctx, places[i].Name, picture); err != nil {
			t.Fatal(err)
		}
	}
	want, err := model.Embed(ctx, read(t, files), 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.EmbedObjects(ctx, places, 5)
	if err != nil {
		t.Fatal(err)
	}
	alike(t, "objects", got.Vectors, want, 0.999999)

	// Beyond what a message carries there is no other way, and the client names it.
	large := picture(t, 1100, 900)
	if len(large) < 2<<20 {
		t.Fatalf("the picture has %d bytes", len(large))
	}
	_, err = model.Embed(ctx, [][]byte{large}, 0)
	if !errors.Is(err, fastembed.ErrPayloadTooLarge) || !strings.Contains(err.Error(), "EmbedObjects") {
		t.Errorf("got %v", err)
	}
	if _, err := store.PutBytes(ctx, "large", large); err != nil {
		t.Fatal(err)
	}
	deleted := places[1]
	if err := store.Delete(ctx, deleted.Name); err != nil {
		t.Fatal(err)
	}
	places = []fastembed.ImageObject{
		{Bucket: "images", Name: "large"}, deleted, places[0], {Bucket: "secret", Name: "large"},
	}
	got, err = model.EmbedObjects(ctx, places, 0)
	if at := failed(t, err); !slices.Equal(at, []int{1, 3}) || !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Fatalf("objects %v failed: %v", at, err)
	}
	if len(got.Vectors[0]) != model.Dimensions() || got.Vectors[1] != nil {
		t.Errorf("got %d numbers and %v", len(got.Vectors[0]), got.Vectors[1])
	}
	alike(t, "beside others", got.Vectors[2:3], want[:1], 0.999999)
	// One request each: what is wrong with all of it is wrong with each.
	got, err = model.EmbedObjects(ctx, places, 1)
	if at := failed(t, err); !slices.Equal(at, []int{1, 3}) || len(got.Vectors[0]) != model.Dimensions() {
		t.Fatalf("objects %v failed: %v", at, err)
	}
}

func read(t *testing.T, files []string) (contents [][]byte) {
	t.Helper()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, b)
	}
	return contents
}

// picture is a PNG that no encoder makes small.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p.SetRGBA(x, y, color.RGBA{R: uint8(x * y >> 3), G: uint8(x*x + y), B: uint8(y * y * x >> 5), A: 255})
		}
	}
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&file, p); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
