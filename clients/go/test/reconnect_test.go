package test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func TestACallSurvivesARestartOfTheServer(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n > 0 {
			q.answer()
		}
	})
	model := newModel(t, newClient(t, s), "Fake")
	texts := numbered(10)
	type outcome struct {
		vectors [][]float32
		err     error
	}
	result := make(chan outcome, 1)
	go func() {
		vectors, err := model.Embed(background(t), texts, 0)
		result <- outcome{vectors, err}
	}()
	await(t, f.asked, "the request")
	s.stop(t)
	s.start(t)
	got := await(t, result, "the call")
	if got.err != nil {
		t.Fatal(got.err)
	}
	checkVectors(t, texts, got.vectors, f.dims)
}

func TestNothingIsPublishedWhileTheConnectionIsDown(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	back := make(chan struct{}, 1)
	down := make(chan struct{}, 1)
	nc := connect(t, s,
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }),
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			select {
			case down <- struct{}{}:
			default:
			}
		}))
	model := newModel(t, clientOn(t, nc), "Fake")
	s.stop(t)
	await(t, down, "the end of the connection")

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := model.Embed(ctx, numbered(10), 0)
	for _, want := range []error{fastembed.ErrNotConnected, fastembed.ErrDeadlineExceeded, context.DeadlineExceeded} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}

	s.start(t)
	await(t, back, "the connection")
	// What follows on the same connection would come after anything replayed.
	if _, err := model.Embed(background(t), []string{"after"}, 0); err != nil {
		t.Fatal(err)
	}
	if q := f.questions(); len(q) != 1 || q[0].doc.Inputs[0] != "after" {
		t.Errorf("%d requests arrived", len(q))
	}
}

func TestAClosedConnectionIsAnErrorAtOnce(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, nil)
	nc := connect(t, s)
	client := clientOn(t, nc)
	model := newModel(t, client, "Fake")
	nc.Close()
	start := time.Now()
	_, embed := model.Embed(background(t), numbered(1), 0)
	_, models := client.Models(background(t))
	for _, err := range []error{embed, models} {
		if !errors.Is(err, fastembed.ErrNotConnected) || !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("got %v", err)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestClosingTheConnectionEndsACallThatWaits(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	result := make(chan error, 1)
	go func() {
		_, err := model.Embed(background(t), numbered(10), 0)
		result <- err
	}()
	await(t, f.asked, "the request")
	nc.Close()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrNotConnected) {
		t.Errorf("got %v", err)
	}
}

func TestACallWaitsForTheFirstConnectionToo(t *testing.T) {
	s := startServer(t, 1<<20)
	s.stop(t)
	client := clientOn(t, connect(t, s, nats.RetryOnFailedConnect(true)))
	result := make(chan error, 1)
	go func() {
		model, err := client.NewTextEmbedding(background(t), "Fake")
		if err == nil {
			_, err = model.Embed(background(t), numbered(10), 0)
		}
		result <- err
	}()
	s.start(t)
	// Until the worker is there nobody serves the model, which is an answer.
	startFake(t, s, nil)
	err := await(t, result, "the call")
	if err != nil && !errors.Is(err, fastembed.ErrModelNotFound) {
		t.Fatal(err)
	}
	newModel(t, client, "Fake")
}
