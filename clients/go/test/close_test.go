package test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func TestClosingTheClientEndsItsCallsAndSparesTheConnection(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	nc := connect(t, s)
	client := clientOn(t, nc)
	model := newModel(t, client, "Fake")
	result := make(chan error, 1)
	go func() {
		_, err := model.Embed(background(t), numbered(100), 3)
		result <- err
	}()
	await(t, f.asked, "a request")
	client.Close()
	client.Close()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrClosed) {
		t.Errorf("got %v", err)
	}
	_, err := model.Embed(background(t), numbered(1), 0)
	_, info := client.NewTextEmbedding(background(t), "Fake")
	_, list := client.Models(background(t))
	for _, err := range []error{err, info, list} {
		if !errors.Is(err, fastembed.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Errorf("the connection does not work: %v", err)
	}
	if n := nc.NumSubscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestAClientThatWasNeverUsedHasNothingToClose(t *testing.T) {
	s := startServer(t, 1<<20)
	nc := connect(t, s)
	client := clientOn(t, nc)
	if n := nc.NumSubscriptions(); n != 0 {
		t.Errorf("a new client has %d subscriptions", n)
	}
	client.Close()
}

func TestAClosedEmbeddingRefusesCallsAndOthersGoOn(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, nil)
	client := newClient(t, s)
	one, two := newModel(t, client, "Fake"), newModel(t, client, "Fake")
	one.Close()
	one.Close()
	if _, err := one.Embed(background(t), numbered(1), 0); !errors.Is(err, fastembed.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := two.Embed(background(t), numbered(1), 0); err != nil {
		t.Error(err)
	}
}

func TestOptionsWithImpossibleValuesAreRefused(t *testing.T) {
	s := startServer(t, 1<<20)
	nc := connect(t, s)
	for name, opt := range map[string]fastembed.Option{
		"prefix with a wildcard": fastembed.WithSubjectPrefix("a.>"),
		"empty prefix":           fastembed.WithSubjectPrefix(""),
		"prefix with a dot":      fastembed.WithSubjectPrefix("a."),
		"nothing in flight":      fastembed.WithInflight(0),
		"too much in flight":     fastembed.WithInflight(100_000),
		"no time":                fastembed.WithDefaultTimeout(0),
		"no quiet":               fastembed.WithQuietInterval(-1),
		"unknown lane":           fastembed.WithLane("fast"),
		"pauses that shrink":     fastembed.WithRetry(fastembed.RetryPolicy{MinWait: 2, MaxWait: 1}),
		"less than no attempts":  fastembed.WithRetry(fastembed.RetryPolicy{MaxAttempts: -1}),
	} {
		if _, err := fastembed.New(nc, opt); !errors.Is(err, fastembed.ErrInvalidOption) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := fastembed.New(nil); !errors.Is(err, fastembed.ErrInvalidOption) {
		t.Errorf("no connection: got %v", err)
	}
}

func TestAUserWithoutTheRightsIsToldSo(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, nil)
	plain := s.connect(t, "client") // the default inbox, which this user may not subscribe
	start := time.Now()
	_, err := clientOn(t, plain).NewTextEmbedding(background(t), "Fake")
	if !errors.Is(err, nats.ErrPermissionViolation) || !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Errorf("without an inbox: got %v", err)
	}
	other := newClient(t, s, fastembed.WithSubjectPrefix("acme"))
	_, err = other.NewTextEmbedding(background(t), "Fake")
	if !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("under another prefix: got %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestModelsMergesWhatTheWorkersServe(t *testing.T) {
	s := startServer(t, 1<<20)
	client := newClient(t, s)
	models, err := client.Models(background(t))
	if err != nil || len(models) != 0 {
		t.Fatalf("without workers: %v, %v", models, err)
	}
	startFake(t, s, nil)
	startFake(t, s, nil, second)
	startFake(t, s, nil, func(f *fake) { f.model, f.instance = "Other", "I3" })
	models, err = client.Models(background(t))
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(func(yield func(fastembed.Model) bool) {
		for _, m := range models {
			m.Metadata = nil
			yield(m)
		}
	})
	if len(got) != 2 || models[0].Metadata["space"] != "Fake:1" ||
		got[0].Op != "text" || got[0].Name != "Fake" || got[0].Instances != 2 ||
		got[1].Name != "Other" || got[1].Instances != 1 {
		t.Errorf("got %+v", models)
	}
}
