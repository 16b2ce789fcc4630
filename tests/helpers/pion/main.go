// Pion as a participant over WHIP and WHEP.
//
//	pion speak URL < packets     sends Opus packets of 20 ms, again and again
//	pion listen URL > packets    writes the Opus packets that come
//
// Before each packet comes its length, in two bytes. It restarts ICE by PATCH on SIGUSR1, and leaves
// by DELETE on SIGTERM. A speaker offers video besides. Built by tests/helpers/pion.py.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// join sends the offer and takes the answer. It returns the session's address and its ETag.
func join(connection *webrtc.PeerConnection, address string) (string, string) {
	offer, err := connection.CreateOffer(nil)
	check(err)
	check(connection.SetLocalDescription(offer))
	response, err := http.Post(address, "application/sdp", bytes.NewBufferString(offer.SDP))
	check(err)
	answer, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusCreated {
		check(fmt.Errorf("%s: %s", response.Status, answer))
	}
	check(connection.SetRemoteDescription(
		webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}))
	base, err := url.Parse(address)
	check(err)
	session, err := base.Parse(response.Header.Get("Location"))
	check(err)
	return session.String(), response.Header.Get("ETag")
}

// Lines of ICE in a description or a fragment.
var ufrag = regexp.MustCompile(`a=ice-ufrag:.*`)
var pwd = regexp.MustCompile(`a=ice-pwd:.*`)

// restart restarts ICE (RFC 9725, 4.3.3), and returns the new ETag.
func restart(connection *webrtc.PeerConnection, session string, etag string) string {
	answer := connection.CurrentRemoteDescription().SDP
	offer, err := connection.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	check(err)
	gathered := webrtc.GatheringCompletePromise(connection)
	check(connection.SetLocalDescription(offer))
	<-gathered
	local := connection.LocalDescription().SDP
	fragment := ufrag.FindString(local) + "\n" + pwd.FindString(local) + "\n"
	request, err := http.NewRequest(http.MethodPatch, session, bytes.NewBufferString(fragment))
	check(err)
	request.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	request.Header.Set("If-Match", etag)
	response, err := http.DefaultClient.Do(request)
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusOK {
		check(fmt.Errorf("PATCH: %s: %s", response.Status, body))
	}
	answer = ufrag.ReplaceAllString(answer, ufrag.FindString(string(body)))
	answer = pwd.ReplaceAllString(answer, pwd.FindString(string(body)))
	check(connection.SetRemoteDescription(
		webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	return response.Header.Get("ETag")
}

func speak(connection *webrtc.PeerConnection) {
	codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}
	track, err := webrtc.NewTrackLocalStaticSample(codec, "audio", "pion")
	check(err)
	_, err = connection.AddTransceiverFromTrack(track,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	check(err)
	video, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "pion")
	check(err)
	_, err = connection.AddTransceiverFromTrack(video,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	check(err)
	data, err := io.ReadAll(os.Stdin)
	check(err)
	var packets [][]byte
	for len(data) > 0 {
		size := 2 + int(binary.BigEndian.Uint16(data))
		packets = append(packets, data[2:size])
		data = data[size:]
	}
	go func() {
		tick := 0
		for range time.Tick(20 * time.Millisecond) {
			sample := media.Sample{Data: packets[tick%len(packets)], Duration: 20 * time.Millisecond}
			check(track.WriteSample(sample))
			tick++
		}
	}()
}

func listen(connection *webrtc.PeerConnection) {
	_, err := connection.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	check(err)
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			check(binary.Write(os.Stdout, binary.BigEndian, uint16(len(packet.Payload))))
			_, err = os.Stdout.Write(packet.Payload)
			check(err)
		}
	})
}

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	// Its own addresses on loopback, which Pion leaves out by itself.
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	engine := &webrtc.MediaEngine{}
	check(engine.RegisterDefaultCodecs())
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine))
	connection, err := api.NewPeerConnection(webrtc.Configuration{})
	check(err)
	if os.Args[1] == "speak" {
		speak(connection)
	} else {
		listen(connection)
	}
	session, etag := join(connection, os.Args[2])
	for <-signals == syscall.SIGUSR1 {
		etag = restart(connection, session, etag)
	}
	request, err := http.NewRequest(http.MethodDelete, session, nil)
	check(err)
	response, err := http.DefaultClient.Do(request)
	check(err)
	if response.StatusCode != http.StatusOK {
		check(fmt.Errorf("DELETE: %s", response.Status))
	}
	check(connection.Close())
}
