// What we use of the vendored module. Nobody looks inside a template: logic stays out of them.
export function html(strings: TemplateStringsArray, ...values: any[]): any;
