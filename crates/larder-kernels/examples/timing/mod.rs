//! Time that a thread has run, so that other work on the machine matters less.

/// Seconds that this thread has run.
#[cfg(unix)]
pub fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds since the first call.
#[cfg(not(unix))]
pub fn now() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64()
}

/// Seconds of one call, the mean over as many as take so long.
pub fn time(least: f64, call: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (now(), 0);
    loop {
        call();
        calls += 1;
        let seconds = now() - start;
        if seconds >= least {
            return seconds / f64::from(calls);
        }
    }
}
