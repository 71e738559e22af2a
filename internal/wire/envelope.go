package wire

import "encoding/binary"

// envelope begins every frame; the digit is the version of the envelope alone.
const envelope = "SFW1"

const envelopeLen = 8

// Pack puts a message into a frame for carriers that have no headers, such as
// cloud functions: "SFW1", the header's length as a little-endian uint32, and the
// body. A headerLen of -1 stands for all of the body, as elsewhere.
func Pack(headerLen int, body []byte) []byte {
	if headerLen < 0 {
		headerLen = len(body)
	}
	frame := make([]byte, 0, envelopeLen+len(body))
	frame = append(frame, envelope...)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(headerLen))
	return append(frame, body...)
}

// Unpack is the reverse of Pack. The body shares the frame's memory, and is
// aligned if the frame is.
func Unpack(frame []byte) (headerLen int, body []byte, err error) {
	if len(frame) < envelopeLen || string(frame[:len(envelope)]) != envelope {
		return 0, nil, invalid("%d bytes that do not begin as a frame of serflow's (%q and 4 bytes): %q; send what Pack makes, of the same release",
			len(frame), envelope, excerpt(frame, 60))
	}
	length := binary.LittleEndian.Uint32(frame[len(envelope):])
	body = frame[envelopeLen:]
	if int64(length) > int64(len(body)) {
		return 0, nil, invalid("the frame claims a header of %d bytes; %d are there: was it cut short?", length, len(body))
	}
	return int(length), body, nil
}
