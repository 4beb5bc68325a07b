/** Where API keys are looked up. */
export interface KeyDirectory {
  close(): void;
}
