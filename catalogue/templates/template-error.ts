/** A template that cannot be parsed or rendered. The message is for the author of the pack. */
export class TemplateError extends Error {}
