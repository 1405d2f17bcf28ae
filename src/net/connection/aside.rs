//! A connection's turn while a script keeps its core: what its client asks is answered past the runtime, which does
//! not turn meanwhile, and with another `Core`, since the script has the core's own.

use std::io;

use bytes::Buf;
use resp::Writer;

use super::{Connection, CoreLocal, Journal, Turn};

impl Connection {
    /// Reads what is there, runs it and writes the replies, as far as nothing is under way that needs the runtime.
    pub(crate) fn serve_aside(&mut self, aside: &CoreLocal) {
        if self.guest.client.closing || !self.is_at_rest() {
            return;
        }
        let scratch = &mut *aside.scratch.borrow_mut();
        let read = match self.socket.read_now(&mut scratch.input) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return,
            Err(_) => 0,
        };
        self.input.extend_from_slice(&scratch.input[..read]);
        let is_open = read > 0 && self.run_aside(aside, read, &mut scratch.out, &mut scratch.batch);
        self.note_input();
        self.write_aside(&mut scratch.out);
        if !is_open || (self.guest.client.closing && self.output.is_empty()) {
            self.guest.client.closing = true;
            self.socket.hang_up();
        }
        if self.guest.client.closing || !self.is_at_rest() {
            self.guest.client.shared.wake();
        }
    }

    /// Whether nothing is under way that belongs to this core's runtime.
    pub(super) fn is_at_rest(&self) -> bool {
        self.output.is_empty()
            && self.held_for == 0
            && self.pause.is_none()
            && self.deadline.is_none()
            && self.guest.client.waiting.is_none()
            && self.guest.client.landing.is_none()
    }

    /// Runs the whole commands of the input; false: the connection is over.
    fn run_aside(&mut self, aside: &CoreLocal, read: usize, out: &mut Writer, batch: &mut super::Batch) -> bool {
        // The replies that this thread has in hand wait for their own place in the log.
        let place = Journal::take_last();
        let mut turn = Turn::Unfinished;
        let mut read = read;
        while turn == Turn::Unfinished && self.input.len() >= self.needed {
            let input = std::mem::take(&mut self.input);
            let (used, next) = self.run(aside, read, &input, input.capacity(), out, batch);
            self.keep_rest(input, used);
            (turn, read) = (next, 0);
        }
        Journal::put_back(place);
        turn != Turn::Ended
    }

    /// Writes what the socket takes; the rest is for the connection's task.
    fn write_aside(&mut self, out: &mut Writer) {
        self.output_bytes += out.len();
        self.output.extend(out.take());
        out.shrink_to(super::INPUT_SIZE);
        while self.held_for == 0
            && let Some(chunk) = self.output.front_mut()
        {
            let Ok(written) = self.socket.write_now(chunk) else { break };
            self.output_bytes -= written;
            chunk.advance(written);
            if chunk.is_empty() {
                self.output.pop_front();
            }
        }
        self.note_output();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use settings::{Settings, Startup};

    use crate::startup::{Running, start};

    fn served(cores: &str) -> (Running, u16) {
        let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = socket.local_addr().expect("its address").port();
        drop(socket);
        let port_word = port.to_string();
        let words = ["--port", &port_word, "--core-threads", cores, "--busy-reply-threshold", "30"];
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let Ok(Startup::Serve(configured)) = Settings::load(&words, &mut std::io::empty()) else {
            panic!("the words are in order")
        };
        (start(*configured).expect("the port is free"), port)
    }

    fn connected(port: u16) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream
    }

    /// One line of a reply.
    fn line(stream: &mut TcpStream) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            assert_eq!(stream.read(&mut byte).expect("it answers in time"), 1, "closed after {line:?}");
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("text").trim_end().to_owned()
    }

    fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(format!("{request}\r\n").as_bytes()).expect("it reads");
        line(stream)
    }

    /// Asks until a script is known to be busy.
    fn wait_until_busy(stream: &mut TcpStream) {
        let start = Instant::now();
        while !ask(stream, "PING").starts_with("-BUSY ") {
            assert!(start.elapsed() < Duration::from_secs(5), "no script is busy");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_endless_script_leaves_others_an_answer_and_can_be_killed() {
        for cores in ["1", "2"] {
            let (running, port) = served(cores);
            let (mut idle, mut script) = (connected(port), connected(port));
            assert_eq!(ask(&mut idle, "SET k v"), "+OK");
            let text =
                "EVAL \"redis.call('get', KEYS[1]) while true do pcall(function() while true do end end) end\" 1 k";
            script.write_all(format!("{text}\r\n").as_bytes()).expect("it reads");
            wait_until_busy(&mut idle);
            let mut late = connected(port);
            let busy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
            for stream in [&mut idle, &mut late] {
                assert_eq!(ask(stream, "GET k"), busy, "{cores}");
                assert_eq!(ask(stream, "SHUTDOWN"), busy, "{cores}");
                assert_eq!(ask(stream, "FUNCTION KILL"), busy, "{cores}");
                assert_eq!(ask(stream, "MULTI"), "+OK", "{cores}");
                assert_eq!(ask(stream, "GET k"), busy, "{cores}");
                assert_eq!(ask(stream, "DISCARD"), "+OK", "{cores}");
            }
            let mut leaves = connected(port);
            assert_eq!(ask(&mut leaves, "QUIT"), "+OK");
            assert_eq!(leaves.read(&mut [0]).expect("it is closed in time"), 0);
            assert_eq!(ask(&mut late, "SCRIPT KILL"), "+OK");
            assert!(line(&mut script).contains("Script killed by user with SCRIPT KILL."), "{cores}");
            for stream in [&mut idle, &mut late, &mut script, &mut connected(port)] {
                assert_eq!((ask(stream, "GET k"), line(stream)), ("$1".into(), "v".into()), "{cores}");
            }
            drop((idle, late, script));
            running.stop();
        }
    }

    #[test]
    fn a_script_that_wrote_ends_only_with_the_server() {
        let (running, port) = served("1");
        let (mut idle, mut script) = (connected(port), connected(port));
        assert_eq!(ask(&mut idle, "PING"), "+PONG");
        // Not for ever: the thread outlives the server of this test.
        let text = "EVAL \"redis.call('set', 'k', 'v') local t = os.clock() while os.clock() < t + 4 do end\" 0";
        script.write_all(format!("{text}\r\n").as_bytes()).expect("it reads");
        wait_until_busy(&mut idle);
        assert!(ask(&mut idle, "SCRIPT KILL").starts_with("-UNKILLABLE "));
        idle.write_all(b"SHUTDOWN NOSAVE\r\n").expect("it reads");
        assert_eq!(idle.read(&mut [0]).expect("it is closed in time"), 0);
        let start = Instant::now();
        running.stop();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
