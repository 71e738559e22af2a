package wire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// Code says what kind of thing went wrong, so that a client knows what to do next.
type Code string

// The codes.
const (
	Invalid      Code = "invalid"      // the request itself is at fault
	BadVersion   Code = "version"      // the peer speaks another version of our additions
	Fingerprint  Code = "fingerprint"  // the peer serves another model
	Unauthorized Code = "unauthorized" // the credential is missing or wrong
	NotFound     Code = "not_found"    // there is no such model, version or path
	Full         Code = "full"         // no room now
	Draining     Code = "draining"     // takes nothing new
	Late         Code = "late"         // nothing of it had been run when its time was over
	StageFailed  Code = "stage"        // a stage failed
	TooLarge     Code = "too_large"    // beyond a limit
	Internal     Code = "internal"     // anything else
)

var statuses = map[Code]int{
	Invalid:      http.StatusBadRequest,
	BadVersion:   http.StatusBadRequest,
	Fingerprint:  http.StatusConflict,
	Unauthorized: http.StatusUnauthorized,
	NotFound:     http.StatusNotFound,
	Full:         http.StatusTooManyRequests,
	Draining:     http.StatusServiceUnavailable,
	Late:         http.StatusGatewayTimeout,
	StageFailed:  http.StatusInternalServerError,
	TooLarge:     http.StatusRequestEntityTooLarge,
	Internal:     http.StatusInternalServerError,
}

// Status is the HTTP status that goes with the code: 500 for one that is unknown.
func (c Code) Status() int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Error is a failure as it travels. Every error of this package's functions is one.
type Error struct {
	Code    Code
	Message string // what is wrong and the remedy
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func invalid(format string, args ...any) error {
	return &Error{Invalid, fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) error {
	return &Error{TooLarge, fmt.Sprintf(format, args...)}
}

// EncodeError appends the error as an Open Inference Protocol error object with our code.
func EncodeError(dst []byte, e *Error) []byte {
	dst = append(dst, `{"error":`...)
	dst = appendString(dst, strings.ToValidUTF8(e.Message, "\uFFFD"))
	dst = append(dst, `,"parameters":{"serflow_code":`...)
	dst = appendString(dst, strings.ToValidUTF8(string(e.Code), "\uFFFD"))
	return append(dst, `}}`...)
}

// DecodeError makes an error of an answer whose HTTP status is not 200, whoever
// sent it. Without a code of ours the status stands for one; a body without a
// message is quoted in part. It never is nil, and never without a message.
func DecodeError(status int, body []byte) *Error {
	var answer struct {
		Error      string `json:"error"`
		Parameters struct {
			Code Code `json:"serflow_code"`
		} `json:"parameters"`
	}
	err := json.Unmarshal(body, &answer)
	code := answer.Parameters.Code
	if _, ours := statuses[code]; err != nil || !ours {
		code = codeOf(status)
	}
	message := excerpt([]byte(answer.Error), 2000)
	if err != nil || message == "" {
		message = fmt.Sprintf("status %d", status)
		if text := excerpt(body, 200); text != "" {
			message += ": " + text
		}
	}
	return &Error{code, message}
}

// codeOf reads the status of a server that does not know our codes. A 504 is not
// late: a gateway that gave up does not know that nothing was run.
func codeOf(status int) Code {
	switch status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return Invalid
	case http.StatusNotFound:
		return NotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return Unauthorized
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusTooManyRequests:
		return Full
	case http.StatusServiceUnavailable:
		return Draining
	}
	return Internal
}

// excerpt is the beginning of what a peer sent, fit for a log: at most limit
// bytes are looked at, and what cannot be printed becomes a space.
func excerpt(body []byte, limit int) string {
	cut := len(body) > limit
	if cut {
		body = body[:limit]
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, string(body))
	text = strings.Join(strings.Fields(text), " ")
	if cut {
		text += "..."
	}
	return text
}
