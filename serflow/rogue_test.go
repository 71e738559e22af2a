package serflow_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
)

// rogueMode is the variable that makes a child of the test binary a worker that
// misbehaves: it is well whenever it is asked, and answers requests as the variable says.
const rogueMode = "SERFLOW_TEST_ROGUE"

// rogue becomes one, if it is to.
func rogue() {
	mode := os.Getenv(rogueMode)
	if mode == "" || os.Getenv(launch.Environment) == "" {
		return
	}
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	var start launch.Start
	if err == nil {
		err = json.Unmarshal(line, &start)
	}
	w := newPlainWorker(rentedModel)
	if err == nil {
		w.setup, err = launch.ParseSetup(start.Setup)
	}
	l, listenErr := net.Listen("tcp", start.Listen)
	if err != nil || listenErr != nil {
		panic(fmt.Sprint(err, listenErr))
	}
	ready, _ := json.Marshal(launch.Ready{Address: l.Addr().String()})
	fmt.Printf("%s%s\n", launch.ReadyPrefix, ready)
	go http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.ServeHTTP(rw, r)
			return
		}
		misbehave(mode, w, rw, r)
	}))
	io.Copy(io.Discard, input)
	os.Exit(0)
}

func misbehave(mode string, w *plainWorker, rw http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	switch mode {
	case "never":
		<-r.Context().Done()
		return
	case "slow":
		time.Sleep(300 * time.Millisecond)
	case "garbage":
		rw.Header().Set(wire.HeaderLength, "40")
		rw.Write([]byte(strings.Repeat("\x00garbage", 100)))
		return
	}
	w.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	switch mode {
	case "stranger": // the answer to some other request
		body = []byte(strings.Replace(string(body), `"id":"`, `"id":"z`, 1))
		n, _ := strconv.Atoi(answer.Header().Get(wire.HeaderLength))
		answer.Header().Set(wire.HeaderLength, strconv.Itoa(n+1))
	case "twice", "half":
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		text := fmt.Sprintf("HTTP/1.1 %d .\r\nContent-Length: %d\r\n%s: %s\r\n\r\n%s", answer.Code, len(body), wire.HeaderLength, answer.Header().Get(wire.HeaderLength), body)
		if mode == "half" {
			conn.Write([]byte(text[:len(text)/2]))
			return
		}
		conn.Write([]byte(text + text))
		conn.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, conn) // keep it open: the client may use it again
		return
	}
	rw.Header().Set(wire.HeaderLength, answer.Header().Get(wire.HeaderLength))
	rw.WriteHeader(answer.Code)
	rw.Write(body)
}
