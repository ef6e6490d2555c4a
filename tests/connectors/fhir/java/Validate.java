// Validates FHIR R4 resources with HAPI: one JSON resource a line on stdin, one line of findings a resource on stdout.
// A line is "<errors>\t<severity|location|message>\t…", in the order of the input. Knows nothing of the hub.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

public class Validate {
    public static void main(String[] arguments) throws Exception {
        FhirContext context = FhirContext.forR4();
        ValidationSupportChain known = new ValidationSupportChain(
            new DefaultProfileValidationSupport(context),
            new InMemoryTerminologyServerValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context));
        FhirInstanceValidator rules = new FhirInstanceValidator(known);
        rules.setNoTerminologyChecks(false);
        // Published examples claim profiles of guides that are not here: that says nothing about R4.
        rules.setErrorForUnknownProfiles(false);
        FhirValidator validator = context.newValidator().registerValidatorModule(rules);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(told(validator, line));
        }
    }

    private static String told(FhirValidator validator, String resource) {
        int errors = 0;
        StringBuilder text = new StringBuilder();
        for (SingleValidationMessage found : validator.validateWithResult(resource).getMessages()) {
            if (found.getSeverity().compareTo(ResultSeverityEnum.ERROR) >= 0) {
                errors++;
            }
            text.append('\t').append(found.getSeverity()).append('|').append(found.getLocationString()).append('|')
                .append(found.getMessage().replaceAll("\\s+", " "));
        }
        return errors + text.toString();
    }
}
