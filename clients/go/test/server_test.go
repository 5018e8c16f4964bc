package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// root is the repository; go test runs in the package's folder.
const root = "../../.."

// server is a real nats-server under the repository's own configuration, but
// for port and max_payload.
type server struct {
	conf, ports string
	port        string // "-1" until the first start
	cmd         *exec.Cmd
	exited      chan error
}

// found returns the absolute path of something setup or build puts in place. A
// test without it fails: it would prove nothing.
func found(t *testing.T, path, remedy string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(root, path))
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		t.Fatalf("%s is missing, run `%s`: %v", path, remedy, err)
	}
	return abs
}

func startServer(t *testing.T, maxPayload int) *server {
	t.Helper()
	return startServerWith(t, "config/nats.conf", fmt.Sprintf("max_payload: %d", maxPayload))
}

// startServerWith starts a server with a file of the repository and further
// settings, which win over the file's.
func startServerWith(t *testing.T, path, settings string) *server {
	t.Helper()
	dir := t.TempDir()
	// Includes are relative to the file that has them; a later value wins.
	include, err := filepath.Rel(dir, found(t, path, "git checkout"))
	if err != nil {
		t.Fatal(err)
	}
	return startServerOf(t, fmt.Sprintf("include %q\n%s\n", include, settings))
}

// startServerWithBucket starts a server with JetStream under config/nats.conf, whose
// workers may read the bucket that the file has as its example. User watcher may do
// everything.
func startServerWithBucket(t *testing.T) *server {
	t.Helper()
	text, err := os.ReadFile(found(t, "config/nats.conf", "git checkout"))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for place, with := range map[string]string{
		`# "$JS.API.DIRECT.GET.OBJ_images"`: `"$JS.API.DIRECT.GET.OBJ_images"`,
		"users: [":                          "users: [\n{ user: watcher, password: watcher }",
	} {
		if strings.Count(conf, place) != 1 {
			t.Fatalf("config/nats.conf has %d of %s", strings.Count(conf, place), place)
		}
		conf = strings.Replace(conf, place, with, 1)
	}
	return startServerOf(t, fmt.Sprintf("%s\njetstream: { store_dir: %q }\n", conf, t.TempDir()))
}

// startServerOf starts a server of any other configuration.
func startServerOf(t *testing.T, conf string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{conf: filepath.Join(dir, "nats.conf"), ports: filepath.Join(dir, "ports"), port: "-1"}
	if err := os.WriteFile(s.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.ports, 0o700); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(found(t, ".setup/bin/nats-server", "make setup"),
		"-c", s.conf, "-a", "127.0.0.1", "-p", s.port, "--ports_file_dir", s.ports)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan error, 1)
	s.exited = exited
	go func() { exited <- cmd.Wait() }()
	s.awaitPort(t)
}

// awaitPort reads the file in which the server says what it listens on. A
// server that ends instead ends the test.
func (s *server) awaitPort(t *testing.T) {
	t.Helper()
	file := filepath.Join(s.ports, fmt.Sprintf("nats-server_%d.ports", s.cmd.Process.Pid))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		var listening struct{ Nats []string }
		if b, err := os.ReadFile(file); err == nil && json.Unmarshal(b, &listening) == nil && len(listening.Nats) > 0 {
			u, err := url.Parse(listening.Nats[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, s.port, err = net.SplitHostPort(u.Host); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-tick.C:
		case err := <-s.exited:
			s.cmd = nil
			t.Fatalf("nats-server ended: %v", err)
		case <-deadline:
			t.Fatalf("nats-server does not say where it listens, in %s", file)
		}
	}
}

// stop kills the server and waits for its end; start brings it back on the
// same port.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.end(t, os.Kill)
}

// end is stop with a signal of choice.
func (s *server) end(t *testing.T, by os.Signal) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(by) // fails only if it ended by itself
	await(t, s.exited, "the end of nats-server")
	s.cmd = nil
}

func (s *server) url() string { return "nats://127.0.0.1:" + s.port }

// connect connects as a user of the configuration, whose password is its name.
func (s *server) connect(t *testing.T, user string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return connectAt(t, s.url(), user, opts...)
}

func connectAt(t *testing.T, url, user string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return dial(t, url, append([]nats.Option{nats.UserInfo(user, user)}, opts...)...)
}

// dial connects as whoever the options say.
func dial(t *testing.T, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.MaxReconnects(-1),
		nats.ReconnectWait(10 * time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		await(t, closed, "the end of a connection")
	})
	return nc
}
