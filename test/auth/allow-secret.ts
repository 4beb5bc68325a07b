/** Of tests that run their config in another thread than the test. */
export const SECRET = "a-secret-of-tests-that-is-long-enough";
